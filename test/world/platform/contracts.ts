/**
 * What the service may ask of its siblings, told in our own words: one entry per route with its parameters and body.
 * The simulator holds every request against it, so a call that the platform would not know fails the test that made it.
 */

export type Service = 'hbf-core' | 'hbf-event-publisher' | 'hbf-nlp';

/** Says what a text must be when it is not that; undefined when it is. */
export type Form = (text: string) => string | undefined;

export interface Parameter {
  form: Form;
  required?: boolean;
}

export interface Contract {
  method: 'GET' | 'POST' | 'PATCH';
  /** Path with `{names}` in place of ids. */
  path: string;
  query: Record<string, Parameter>;
  /** Says what is wrong with the JSON body; absent: no body may be sent. */
  body?: (body: unknown) => string | undefined;
}

/** How tests name a route: `GET /tenants`. */
export function routeOf(contract: Contract): string {
  return `${contract.method} ${contract.path}`;
}

const boolean: Form = (text) => (text === 'true' || text === 'false' ? undefined : 'true or false');
const pageNumber: Form = (text) => (/^\d{1,9}$/.test(text) ? undefined : 'a whole number from 0');
const pageSize: Form = (text) => (/^[1-9]\d{0,3}$/.test(text) ? undefined : 'a whole number from 1 to 9999');
const id: Form = (text) => (text.trim() !== '' && text.length <= 256 ? undefined : 'an id');
const dateTime: Form = (text) =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) ? undefined : 'an RFC 3339 date-time';
const oneOf =
  (...values: string[]): Form =>
  (text) =>
    values.includes(text) ? undefined : `one of ${values.join(', ')}`;

const optional = (form: Form): Parameter => ({ form });
const required = (form: Form): Parameter => ({ form, required: true });
const flags = (...names: string[]) => Object.fromEntries(names.map((name) => [name, optional(boolean)]));

const tenantFlags = flags('includeSettings', 'includeSystemSettings', 'includePlugins');
const sessionFlags = flags('includeMessages', 'includeTenant', 'includeLiveChats');
const PIPELINE_STATUS = oneOf('CREATED', 'OUTDATED', 'TRAINING', 'FAILED', 'READY', 'INITIALIZED');

const get = (path: string, query: Record<string, Parameter> = {}): Contract => ({ method: 'GET', path, query });
const train: Contract = {
  method: 'POST',
  path: '/nlp-pipelines/{id}/train',
  query: { forceFullRetrain: optional(boolean) },
};

const CORE: Contract[] = [
  get('/tenants', { page: required(pageNumber), pageSize: required(pageSize), ...tenantFlags }),
  get('/tenants/usage', { includeOnlyWithUsageLimits: optional(boolean) }),
  { method: 'PATCH', path: '/tenants/{id}', query: {}, body: onlyDisabled },
  get('/organizations/{orgId}/tenants/{id}', tenantFlags), // asked by earlier builds, which benches compare with
  get('/organizations/{orgId}/tenants', { page: required(pageNumber), pageSize: required(pageSize), ...tenantFlags }),
  get('/chat-sessions', {
    status: optional(oneOf('ACTIVE', 'COMPLETED')),
    tenantId: optional(id),
    lastInteractionLessThan: optional(dateTime),
    page: optional(pageNumber),
    pageSize: optional(pageSize),
    ...sessionFlags,
  }),
  { method: 'PATCH', path: '/chat-sessions/batch/complete', query: {}, body: sessionIds },
  get('/chat-sessions/{id}', sessionFlags),
  get('/organizations/{orgId}/surveys', {
    sessionId: optional(id),
    page: optional(pageNumber),
    pageSize: optional(pageSize),
  }),
  get('/organizations/{orgId}/tenants/{tenantId}/contact-by-subscriber-handle/{handle}'),
  get('/nlp-pipelines', { status: required(PIPELINE_STATUS), tenantHasAutoTrain: optional(boolean) }),
  get('/nlp-pipelines/{id}'),
  train,
  get('/users/me'),
];

const NLP: Contract[] = [
  train,
  { method: 'POST', path: '/organizations/{orgId}/tenants/{tenantId}/sessions/{sessionId}/analyze', query: {} },
];

const EVENT_PUBLISHER: Contract[] = [
  {
    method: 'POST',
    path: '/connectors/flows:trigger',
    query: {
      triggerType: required(oneOf('chat-session-completed', 'survey-completed')),
      organizationId: required(id),
      tenantId: required(id),
    },
    body: (body) => (isObject(body) && typeof body['id'] === 'string' ? undefined : 'a session or survey with an id'),
  },
];

export const CONTRACTS: Record<Service, Contract[]> = {
  'hbf-core': CORE,
  'hbf-nlp': NLP,
  'hbf-event-publisher': EVENT_PUBLISHER,
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sessionIds(body: unknown): string | undefined {
  const ids = isObject(body) && Object.keys(body).join() === 'ids' ? body['ids'] : undefined;
  if (!Array.isArray(ids) || ids.length === 0) return '{ids} with at least one id';
  if (ids.some((entry) => typeof entry !== 'string' || entry === '')) return '{ids} of non-empty strings';
  return new Set(ids).size === ids.length ? undefined : '{ids} without repetition';
}

/** hbf-core would take any tenant field here; the service may switch a tenant off and nothing else. */
function onlyDisabled(body: unknown): string | undefined {
  const ok = isObject(body) && Object.keys(body).join() === 'disabled' && typeof body['disabled'] === 'boolean';
  return ok ? undefined : '{disabled: boolean} and nothing else';
}
