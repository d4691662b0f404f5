import type { CoreStore, Json, StoredSession, StoredTenant } from './core-store.js';
import type { PipelineStore } from './pipeline-store.js';
import type { Random } from '../../support/random.js';
import type { SimRequest } from './sim-request.js';
import type { Handler, SimAnswer } from './simulated-server.js';

/** What hbf-core may do differently from one installation to the next; tests turn these. */
export interface CoreSwitches {
  /** Case of `status` in answers. */
  statusCase: 'upper' | 'lower';
  /** How `messages[].date` is written. */
  messageDates: 'number' | 'date-time';
  /** `GET /chat-sessions` as `{items,…}` or as a bare array. */
  sessionList: 'paged' | 'array';
  /** There is no sort parameter: hbf-core may list in any order. */
  sessionOrder: 'arrival' | 'reverse' | 'shuffled';
  /** Answers with surveys of other sessions of the organization too. */
  surveysIgnoreSession: boolean;
  /** Answers `tenantId` with a session, although it is write-only. */
  tellsTenantId: boolean;
  /** For benchmarks: a session that is listed again costs next to nothing. It must not have changed but for its status. */
  keepsBytes: boolean;
}

export interface CoreState {
  store: CoreStore;
  pipelines: PipelineStore;
  switches: CoreSwitches;
  /** A batch that names one of these is refused with 400. */
  poisoned: Set<string>;
  /** 204, and the session is ACTIVE all the same. */
  stubborn: Set<string>;
  /** Sessions of others that a tenant's list shows, too, by tenant. */
  alsoListed: Map<string, Set<string>>;
  usage: unknown;
  random: Random;
}

const NOT_FOUND: SimAnswer = { status: 404, body: { message: 'not found' } };
const flag = (request: SimRequest, name: string): boolean => request.query.get(name) === 'true';

/** hbf-core's side of each contract, by route. */
export function coreHandlers(state: CoreState): Record<string, Handler> {
  const { store, pipelines } = state;
  return {
    'GET /tenants': (request) => {
      const tenants = [...store.tenants.values()];
      return ok(paged(request, tenants, (tenant) => tenantView(tenant, request)));
    },
    'GET /tenants/usage': () => ok(state.usage ?? usageOf(store)),
    'PATCH /tenants/{id}': ({ params, body }) => {
      const tenant = store.tenants.get(params['id']!);
      if (tenant) Object.assign(tenant.dto, body);
      return tenant ? { status: 204 } : NOT_FOUND;
    },
    'GET /organizations/{orgId}/tenants/{id}': (request) => {
      const tenant = store.tenants.get(request.params['id']!);
      if (!tenant || tenant.organizationId !== request.params['orgId']) return NOT_FOUND;
      return ok(tenantView(tenant, request));
    },
    'GET /organizations/{orgId}/tenants': (request) => {
      const own = [...store.tenants.values()].filter(({ dto }) => dto['organizationId'] === request.params['orgId']);
      return ok(paged(request, own, (tenant) => tenantView(tenant, request)));
    },
    'GET /chat-sessions': (request) => listSessions(state, request),
    'PATCH /chat-sessions/batch/complete': ({ body }) => completeBatch(state, (body as { ids: string[] }).ids),
    'GET /chat-sessions/{id}': (request) => {
      const session = store.sessions.get(request.params['id']!);
      return session ? ok(sessionView(state, session, request)) : NOT_FOUND;
    },
    'GET /organizations/{orgId}/surveys': (request) =>
      ok(paged(request, surveysFor(state, request), (survey) => survey)),
    'GET /organizations/{orgId}/tenants/{tenantId}/contact-by-subscriber-handle/{handle}': ({ params }) => {
      const contact = store.contacts.get(`${params['tenantId']}/${params['handle']}`);
      return contact ? ok(contact) : NOT_FOUND;
    },
    'GET /nlp-pipelines': (request) => ok(outdatedPipelines(state, request)),
    'GET /nlp-pipelines/{id}': ({ params }) => {
      const pipeline = pipelines.poll(params['id']!);
      return pipeline ? ok(pipeline) : NOT_FOUND;
    },
    'POST /nlp-pipelines/{id}/train': ({ params }) =>
      pipelines.train(params['id']!, 'hbf-core') ? ok(pipelines.peek(params['id']!)) : NOT_FOUND,
    'GET /users/me': ({ token }) => ok(store.users.get(token!)),
  };
}

function ok(body: unknown): SimAnswer {
  return { status: 200, body };
}

function paged<T>(request: SimRequest, all: T[], view: (entry: T) => unknown): Json {
  const page = Number(request.query.get('page') ?? 0);
  const pageSize = Number(request.query.get('pageSize') ?? 20);
  const items = all.slice(page * pageSize, (page + 1) * pageSize).map(view);
  return { items, page, pageSize, total: all.length };
}

/** Settings, system settings and plugins are silently absent unless asked for; so are the heavy parts, always. */
function tenantView(tenant: StoredTenant, request: SimRequest): Json {
  const { settings, systemSettings, plugins, ...view } = tenant.dto;
  if (flag(request, 'includeSettings')) view['settings'] = settings;
  if (flag(request, 'includeSystemSettings')) view['systemSettings'] = systemSettings;
  if (flag(request, 'includePlugins')) view['plugins'] = plugins;
  return view;
}

function listSessions(state: CoreState, request: SimRequest): SimAnswer {
  const { store, switches, random, alsoListed } = state;
  const status = request.query.get('status');
  const tenantId = request.query.get('tenantId');
  const limit = request.query.get('lastInteractionLessThan');
  const before = limit === null ? Infinity : Date.parse(limit);
  const index = tenantId === null ? store.active : store.tenants.get(tenantId)?.active;
  const from = status === 'ACTIVE' ? (index ?? new Map<string, StoredSession>()) : store.sessions;
  const found: StoredSession[] = [];
  for (const session of from.values()) {
    const fits = (status ?? session.status) === session.status && (tenantId ?? session.tenantId) === session.tenantId;
    if (fits && session.lastInteraction < before) found.push(session);
  }
  for (const id of alsoListed.get(tenantId ?? '') ?? []) if (store.active.has(id)) found.push(store.session(id));
  if (switches.sessionOrder === 'reverse') found.reverse();
  if (switches.sessionOrder === 'shuffled') shuffle(found, random);
  if (switches.keepsBytes) return ok(pageOfBytes(state, request, found));
  const answer = paged(request, found, (session) => sessionView(state, session, request));
  return ok(switches.sessionList === 'array' ? answer['items'] : answer);
}

/** As listed otherwise, put together from each session's bytes. */
function pageOfBytes(state: CoreState, request: SimRequest, found: StoredSession[]): Buffer {
  const { items, ...rest } = paged(request, found, (session) => session);
  const bytes = (items as StoredSession[]).flatMap((session, index) => {
    const head = `${index > 0 ? ',' : ''}{"status":${JSON.stringify(session.status)},`;
    return [Buffer.from(head), bytesWithoutStatus(state, session, request)];
  });
  return Buffer.concat([Buffer.from('{"items":['), ...bytes, Buffer.from(`],${JSON.stringify(rest).slice(1)}`)]);
}

const KEPT_BYTES = new WeakMap<StoredSession, Map<string, Buffer>>();

function bytesWithoutStatus(state: CoreState, session: StoredSession, request: SimRequest): Buffer {
  let kept = KEPT_BYTES.get(session);
  if (!kept) KEPT_BYTES.set(session, (kept = new Map()));
  const flags = ['includeMessages', 'includeLiveChats', 'includeTenant'].map((name) => flag(request, name)).join();
  let bytes = kept.get(flags);
  if (!bytes) {
    const { status: _status, ...view } = sessionView(state, session, request);
    kept.set(flags, (bytes = Buffer.from(JSON.stringify(view).slice(1))));
  }
  return bytes;
}

function shuffle<T>(list: T[], random: Random): void {
  for (let index = list.length - 1; index > 0; index--) {
    const other = random.integer(0, index);
    [list[index], list[other]] = [list[other]!, list[index]!];
  }
}

/** No organization, no tenant id, and the lists only when asked for. */
function sessionView({ store, switches }: CoreState, session: StoredSession, request: SimRequest): Json {
  const { messageDates, statusCase } = switches;
  const view: Json = {
    id: session.id,
    status: statusCase === 'lower' ? session.status.toLowerCase() : session.status,
    lastInteraction: new Date(session.lastInteraction).toISOString(),
    updatedAt: new Date(session.lastInteraction).toISOString(),
    ...session.rest,
  };
  if (switches.tellsTenantId) view['tenantId'] = session.tenantId;
  if (flag(request, 'includeMessages')) {
    view['messages'] =
      messageDates === 'number'
        ? session.messages
        : session.messages.map((message) => ({ ...message, date: new Date(message.date).toISOString() }));
  }
  if (flag(request, 'includeLiveChats')) view['liveChats'] = session.liveChats;
  if (flag(request, 'includeTenant')) view['tenant'] = store.tenants.get(session.tenantId)?.dto;
  return { ...view, ...session.fields };
}

/** No precondition and no answer per id: unknown ids and completed sessions pass in silence. */
function completeBatch({ store, poisoned, stubborn }: CoreState, ids: string[]): SimAnswer {
  if (ids.some((id) => poisoned.has(id))) return { status: 400, body: { message: 'Bad Request' } };
  for (const id of ids) {
    const session = store.sessions.get(id);
    if (!session) continue;
    store.complete(session);
    if (stubborn.has(id)) store.setStatus(session, 'ACTIVE');
  }
  return { status: 204 };
}

function surveysFor({ store, switches }: CoreState, request: SimRequest): Json[] {
  const sessionId = switches.surveysIgnoreSession ? null : request.query.get('sessionId');
  const ids = sessionId === null ? [...store.surveys.keys()] : [sessionId];
  return ids.flatMap((id) => {
    const session = store.sessions.get(id);
    if (!session || session.organizationId !== request.params['orgId']) return [];
    const tenant = store.tenants.get(session.tenantId)?.dto; // credentials and all
    const chatSession = { id: session.id, status: session.status, tenant };
    return (store.surveys.get(id) ?? []).map((survey) => ({ tenantId: session.tenantId, chatSession, ...survey }));
  });
}

function outdatedPipelines({ store, pipelines }: CoreState, request: SimRequest): Json[] {
  const autoTrain = flag(request, 'tenantHasAutoTrain');
  return pipelines
    .list()
    .filter((pipeline) => pipeline['status'] === request.query.get('status'))
    .filter((pipeline) => !autoTrain || store.tenants.get(pipeline['tenantRef'] as string)?.autoTrain === true);
}

/** The answer's shape is nowhere written; this one is made up. */
function usageOf(store: CoreStore): Json[] {
  return [...store.tenants.values()].map(({ id, organizationId }) => {
    const own = [...store.sessions.values()].filter((session) => session.tenantId === id);
    const numOfUserMessages = own.reduce((sum, session) => sum + Number(session.rest['userInteractionCount']), 0);
    return { tenantId: id, organizationId, numOfSessions: own.length, numOfUserMessages };
  });
}
