import { CoreSimulator } from '../support/core-simulator.js';
import { type Conversation, makeConversation } from '../support/conversations.js';
import { CORE_TOKEN } from '../support/planted-secrets.js';
import type { SimRequest } from '../support/simulated-server.js';
import { preciseNow } from './bench.js';
import { serve } from './rpc.js';

/** hbf-core in a process of its own. */
const core = new CoreSimulator(CORE_TOKEN);
core.server.recordRequests = false;
core.switches.keepsBytes = true;

const LIST = 'GET /chat-sessions';
const COMPLETE = 'PATCH /chat-sessions/batch/complete';
const ROUTES = ['GET /tenants', LIST, COMPLETE, 'GET /chat-sessions/{id}', 'GET /organizations/{orgId}/surveys'];
const TICK_MS = 5;

/** Sessions by tenant, in order of arrival, since the last `forget`. */
let added = new Map<string, string[]>();
let sessions = 0;
/** Epoch ms at which hbf-core answered the PATCH that named the session. */
const toldAt = new Map<string, number>();
let firstScanAt: number | undefined;
let keepTimes = false;
/** Calls since each session check began (it begins by listing the tenants). */
const callsPerCheck: number[] = [];
/**
 * What is said in all sessions. Conversations of their own for tens of thousands of sessions would be some hundred
 * megabytes of objects, and to collect garbage among them would hold up whoever lists sessions, by chance.
 */
const CONVERSATIONS = Array.from({ length: 64 }, (_, seed) => lean(makeConversation({ seed: seed + 1 })));

/** About 5 KB for 20 messages, as issue 6 has it: they lack what a message may lack and nothing here looks at. */
function lean(conversation: Conversation): Conversation {
  const messages = conversation.messages.map(
    ({ tags: _tags, intentName: _intent, responseToId: _response, conversationNode: _node, ...message }) => message,
  );
  return { ...conversation, messages, intents: {}, conversationNodes: [] };
}

for (const route of ROUTES) {
  core.server.onBefore(route, (request: SimRequest) => {
    if (route === 'GET /tenants' && request.query.get('page') === '0') callsPerCheck.push(0);
    if (callsPerCheck.length > 0) callsPerCheck[callsPerCheck.length - 1]!++;
    if (request.query.get('includeMessages') === 'true') firstScanAt ??= preciseNow();
  });
}
core.server.onAnswered(COMPLETE, ({ body }) => {
  const at = preciseNow();
  if (keepTimes) for (const id of (body as { ids: string[] }).ids) if (!toldAt.has(id)) toldAt.set(id, at);
});

function add(tenantId: string, ageMs: number, status: 'ACTIVE' | 'COMPLETED'): void {
  const lastInteraction = new Date(Date.now() - ageMs);
  const { messages, liveChats, ...fields } = CONVERSATIONS[sessions++ % CONVERSATIONS.length]!;
  const said = { messages, liveChats, fields, conversation: { messages: 0 } };
  const { id } = core.addSession({ tenantId, lastInteraction, status, ...said });
  const known = added.get(tenantId);
  if (known) known.push(id);
  else added.set(tenantId, [id]);
}

const handlers = {
  async listen(): Promise<string> {
    await core.server.listen();
    return core.server.url;
  },

  addTenants(input: { ids: string[]; organizationId: string; thresholdSeconds: number; summarizes: boolean }): void {
    const { ids, thresholdSeconds: expireAfterSeconds, ...rest } = input;
    // as little beside the point as may be: thousands of them are listed
    for (const id of ids) core.addTenant({ id, expireAfterSeconds, ...rest });
  },

  /** Sessions of `ageMs`, spread over the tenants. Parked ones are COMPLETED until they are released. */
  addSessions(input: { tenants: string[]; count: number; ageMs: number; parked?: boolean }): void {
    const { tenants, count, ageMs, parked = false } = input;
    for (let i = 0; i < count; i++) add(tenants[i % tenants.length]!, ageMs, parked ? 'COMPLETED' : 'ACTIVE');
  },

  /** Makes all parked sessions ACTIVE; the first scan from now on is the start of the work. */
  release(): void {
    firstScanAt = undefined;
    for (const id of [...added.values()].flat()) core.reactivate(id);
  },

  /** Adds sessions whose user has just written the last word, at a steady rate. */
  async stream(input: { tenants: string[]; perSecond: number; seconds: number }): Promise<void> {
    keepTimes = true;
    const total = input.perSecond * input.seconds;
    const startedAt = preciseNow();
    for (let sent = 0; sent < total;) {
      const due = Math.min(total, Math.floor(((preciseNow() - startedAt) / 1000) * input.perSecond));
      for (; sent < due; sent++) add(input.tenants[sent % input.tenants.length]!, 0, 'ACTIVE');
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  },

  sessionsByTenant: (): [string, string[]][] => [...added],
  toldAt: (): [string, number][] => [...toldAt],
  firstScanAt: (): number | undefined => firstScanAt,
  activeCount: (): number => core.activeCount,
  callsPerCheck: (): number[] => callsPerCheck,
  /** How often each route was called since the start. */
  calls: (): Record<string, number> => Object.fromEntries(ROUTES.map((route) => [route, core.server.count(route)])),
  violations: (): string[] => core.server.violations,
  /** The next sessions are counted anew; those before are out of the books. */
  forget(): void {
    for (const id of [...added.values()].flat()) core.removeSession(id);
    added = new Map();
    toldAt.clear();
  },
};

export type PlatformHandlers = typeof handlers;
serve(handlers);
