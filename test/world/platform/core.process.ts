import { preciseNow, sum } from '../../support/figures.js';
import { CORE_TOKEN } from '../planted-secrets.js';
import { serve } from '../rpc.js';
import { CheckGate } from './check-gate.js';
import { type Conversation, makeConversation } from './conversations.js';
import { CoreSimulator } from './core-simulator.js';

/** hbf-core in a process of its own, for loads: what is measured does not share its event loop. */
const core = new CoreSimulator(CORE_TOKEN);
core.server.recordRequests = false;

const LIST = 'GET /chat-sessions';
const COMPLETE = 'PATCH /chat-sessions/batch/complete';
const ROUTES = ['GET /tenants', LIST, COMPLETE, 'GET /chat-sessions/{id}', 'GET /organizations/{orgId}/surveys'];
const TICK_MS = 5;

/** Sessions by tenant, in order of arrival, since the last `forget`. */
let added = new Map<string, string[]>();
let sessions = 0;
let firstScanAt: number | undefined;
let thresholdMs = 0;
/** Of a load that is offered by `stream`: epoch ms at which hbf-core answered the PATCH that named the session. */
const completedAt = new Map<string, number>();
/** Milliseconds from the end of each of these sessions (by its tenant's threshold) to that answer, in order. */
const lateness: number[] = [];
let keepsTimes = false;
const gate = new CheckGate();
/** Lists of sessions since the last `forgetLists`, by tenant; each canary asks for a tenant of its own. */
const lists = new Map<string, number>();
let lastListAt = 0;
/**
 * What is said in all sessions. Conversations of their own for tens of thousands of sessions would be some hundred
 * megabytes of objects, and collecting garbage among them would delay the lists of sessions, by chance.
 */
const CONVERSATIONS = Array.from({ length: 64 }, (_, seed) => lean(makeConversation({ seed: seed + 1 })));

/** About 5 KB for 20 messages: without what a message may lack and nothing here looks at. */
function lean(conversation: Conversation): Conversation {
  const messages = conversation.messages.map(
    ({ tags: _tags, intentName: _intent, responseToId: _response, conversationNode: _node, ...message }) => message,
  );
  return { ...conversation, messages, intents: {}, conversationNodes: [] };
}

core.server.onBefore('GET /tenants', ({ query }) => {
  const isNeutral = query.get('pageSize') === '1'; // a check asks so whether hbf-core is there
  return query.get('page') === '0' && !isNeutral ? gate.pass() : undefined;
});
core.server.onBefore(LIST, ({ query }) => {
  const tenantId = query.get('tenantId') ?? '';
  lists.set(tenantId, (lists.get(tenantId) ?? 0) + 1);
  lastListAt = preciseNow();
  if (query.get('includeMessages') === 'true') firstScanAt ??= lastListAt;
});
core.server.onAnswered(COMPLETE, ({ body }, { status }) => {
  if (!keepsTimes || status !== 204) return;
  const at = preciseNow();
  for (const id of (body as { ids: string[] }).ids) {
    if (completedAt.has(id)) continue;
    completedAt.set(id, at);
    lateness.push(at - core.session(id).lastInteraction - thresholdMs);
  }
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
  /** @param input.keepsBytes lists cost next to nothing, at 5 KB of memory for each session until it is forgotten */
  async listen(input: { keepsBytes: boolean }): Promise<string> {
    core.switches.keepsBytes = input.keepsBytes;
    await core.server.listen();
    return core.server.url;
  },

  addTenants(input: { ids: string[]; organizationId: string; thresholdSeconds: number; summarizes: boolean }): void {
    const { ids, thresholdSeconds: expireAfterSeconds, ...rest } = input;
    thresholdMs = expireAfterSeconds * 1000;
    // no optional fields: thousands of them are listed
    for (const id of ids) core.addTenant({ id, expireAfterSeconds, ...rest });
  },

  /** A user who may administrate the organization over the REST API, with that token. */
  addAdmin(input: { token: string; organizationId: string }): void {
    core.addUser({ token: input.token, organizationRoles: { [input.organizationId]: ['HBF_ORG_ADMIN'] } });
  },

  /** Sessions of `ageMs`, spread over the tenants. Parked ones are COMPLETED until they are released. */
  addSessions(input: { tenants: string[]; count: number; ageMs: number; parked?: boolean }): void {
    const { tenants, count, ageMs, parked = false } = input;
    for (let i = 0; i < count; i++) add(tenants[i % tenants.length]!, ageMs, parked ? 'COMPLETED' : 'ACTIVE');
  },

  /** Makes all parked sessions ACTIVE; the first scan from now on is the start of the work. Checks that wait begin. */
  release(): void {
    firstScanAt = undefined;
    for (const id of [...added.values()].flat()) core.reactivate(id);
    gate.letIn();
  },

  /** From now on a session check waits at its beginning until `letChecksIn` or `release`. */
  holdChecks: (): void => gate.close(),
  checksHeld: (): number => gate.held,
  letChecksIn: (): void => gate.letIn(),

  /** How answers go from now on: each takes `answerMs`, lists of sessions fail or hang for some tenants. */
  behave(input: { answerMs?: number; failing?: string[]; hanging?: string[] }): void {
    core.server.clearFaults();
    if (input.failing) core.badDay.failLists(input.failing);
    if (input.hanging) core.badDay.hangLists(input.hanging);
    if (input.answerMs !== undefined) core.server.fault({ kind: 'delay', ms: input.answerMs });
  },

  /** Adds sessions whose user has just written the last word, at a steady rate. @returns seconds that it took */
  async stream(input: { tenants: string[]; perSecond: number; seconds: number }): Promise<number> {
    keepsTimes = true;
    const total = Math.round(input.perSecond * input.seconds);
    const startedAt = preciseNow();
    const elapsed = () => (preciseNow() - startedAt) / 1000;
    for (let sent = 0; sent < total;) {
      const due = Math.min(total, Math.floor(elapsed() * input.perSecond));
      for (; sent < due; sent++) add(input.tenants[sent % input.tenants.length]!, 0, 'ACTIVE');
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
  completedAt: (): [string, number][] => [...completedAt],
  /** How often it was asked to complete a session that was completed already. */
  completedAgain: (): number => sum([...core.completed.values()].map(({ count }) => count - 1)),
  /** When each session ended by its tenant's threshold, epoch ms. */
  endedAt: (): [string, number][] =>
    [...added.values()].flat().map((id) => [id, core.session(id).lastInteraction + thresholdMs]),
  firstScanAt: (): number | undefined => firstScanAt,
  /** Since the last `forgetLists`: of the tenants, how often the least and the most often asked was asked for. */
  lists(): { least: number; most: number; ofTenants: number; canaries: number; lastAt: number } {
    const counts = core.tenantIds.map((id) => lists.get(id) ?? 0);
    const [ofTenants, all] = [sum(counts), sum([...lists.values()])];
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    return { least, most, ofTenants, canaries: all - ofTenants, lastAt: lastListAt };
  },
  forgetLists: (): void => lists.clear(),
  /** How often each route was called since the start. */
  calls: (): Record<string, number> => Object.fromEntries(ROUTES.map((route) => [route, core.server.count(route)])),
  violations: (): string[] => core.server.violations,

  /** Removes all sessions. */
  forget(): void {
    for (const id of [...added.values()].flat()) core.removeSession(id);
    added = new Map();
    completedAt.clear();
    lateness.length = 0;
  },
};

export type CoreHandlers = typeof handlers;
serve(handlers);
