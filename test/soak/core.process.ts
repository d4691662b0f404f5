import { preciseNow } from '../bench/bench.js';
import { serve } from '../bench/rpc.js';
import { CoreSimulator } from '../support/core-simulator.js';
import { makeConversation } from '../support/conversations.js';
import { CORE_TOKEN } from '../support/planted-secrets.js';

/** hbf-core in a process of its own; it knows how late each session was completed. */
const core = new CoreSimulator(CORE_TOKEN);
core.server.recordRequests = false;

const COMPLETE = 'PATCH /chat-sessions/batch/complete';
const TICK_MS = 5;
/** All sessions share these: as many bytes on the wire, little memory here. */
const { messages } = makeConversation({ seed: 1, messages: 20 });

const added = new Map<string, string[]>();
const completed = new Set<string>();
/** Milliseconds of lateness of each completion, in order. */
const lateness: number[] = [];
let thresholdMs = 0;
let told = 0;

core.server.onAnswered(COMPLETE, ({ body }, { status }) => {
  if (status !== 204) return;
  const now = Date.now();
  for (const id of (body as { ids: string[] }).ids) {
    told++;
    if (completed.has(id)) continue;
    completed.add(id);
    lateness.push(now - core.session(id).lastInteraction - thresholdMs);
  }
});

function add(tenantId: string): void {
  const said = { messages, conversation: { messages: 0 }, fields: { containsUserInteraction: true } };
  const { id } = core.addSession({ tenantId, lastInteraction: new Date(), ...said });
  const known = added.get(tenantId);
  if (known) known.push(id);
  else added.set(tenantId, [id]);
}

const handlers = {
  async listen(): Promise<string> {
    await core.server.listen();
    return core.server.url;
  },

  addTenants(input: { ids: string[]; organizationId: string; thresholdSeconds: number }): void {
    const { ids, organizationId, thresholdSeconds: expireAfterSeconds } = input;
    thresholdMs = expireAfterSeconds * 1000;
    for (const id of ids) core.addTenant({ id, organizationId, expireAfterSeconds, summarizes: true });
  },

  /** Adds sessions whose user has just written the last word, at a steady rate. @returns seconds that it took */
  async stream(input: { tenants: string[]; perSecond: number; seconds: number }): Promise<number> {
    const total = Math.round(input.perSecond * input.seconds);
    const startedAt = preciseNow();
    const elapsed = () => (preciseNow() - startedAt) / 1000;
    for (let sent = 0; sent < total;) {
      const due = Math.min(total, Math.floor(elapsed() * input.perSecond));
      for (; sent < due; sent++) add(input.tenants[sent % input.tenants.length]!);
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    return elapsed();
  },

  /** @param from of how many completions the lateness is known already */
  figures: (from: number): { active: number; lateness: number[] } => ({
    active: core.activeCount,
    lateness: lateness.slice(from),
  }),

  sessionsByTenant: (): [string, string[]][] => [...added],
  /** Sessions that it was asked to complete when they were already. */
  toldAgain: (): number => told - completed.size,
  violations: (): string[] => core.server.violations,
};

export type CoreHandlers = typeof handlers;
serve(handlers);
