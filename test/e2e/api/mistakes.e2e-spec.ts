import { integration, IntegrationsFixture, TOKENS } from '../fixtures/integrations.js';

/**
 * Mistakes that people make with curl, over all of the API. Each answer names the field, or the header, and what to type
 * instead: an admin mends the call without reading anything else.
 */
const PATH = '/organizations/org1/integrations';
const ORG = '/organizations/org1';
const DAY = '2026-11-20T08:00:00Z';

interface Mistake {
  method?: string;
  path?: string;
  body?: unknown;
  headers?: Record<string, string>;
  token?: string | null;
  status?: number;
  /** The whole message, or the whole of each line. */
  says: RegExp | string;
}

let fixture: IntegrationsFixture;
let id: number;

beforeAll(async () => {
  fixture = await IntegrationsFixture.start('mistakes-e2e');
  ({ id } = await fixture.create());
});
afterAll(async () => {
  expect(fixture.platform.violations).toEqual([]);
  await fixture.stop();
});

const create = (changes: Record<string, unknown>, says: Mistake['says']): Mistake => ({ body: integration(changes), says }); // prettier-ignore
const change = (body: unknown, says: Mistake['says']): Mistake => ({ method: 'PATCH', path: `${PATH}/ID`, body, says });
const list = (query: string, says: Mistake['says']): Mistake => ({ method: 'GET', path: `${ORG}/deliveries?${query}`, says }); // prettier-ignore
const redeliver = (body: unknown, says: Mistake['says']): Mistake => ({ path: `${ORG}/redeliveries`, body, says });
const rotate = (body: unknown, says: Mistake['says']): Mistake => ({ path: `${PATH}/ID/signing-secret/rotate`, body, says }); // prettier-ignore
const operate = (more: Omit<Mistake, 'token'>): Mistake => ({ token: TOKENS.moderator, ...more });

const MISTAKES: [string, Mistake][] = [
  // what an integration is
  ['no URL', create({ url: undefined }, 'url: must be a string')],
  ['a URL without https://', create({ url: 'hooks.example.com/in' }, /^url: .*(absolute|https)/)],
  ['another protocol', create({ url: 'ftp://hooks.example.com/in' }, /^url: the URL must begin with https/)],
  ['a URL with a password', create({ url: 'https://me:pw@hooks.example.com/' }, 'url: the URL must not hold credentials')], // prettier-ignore
  ['a host of the own network', create({ url: 'https://192.168.0.7/' }, 'url: the host of the URL is not public')],
  ['one tenant as a text', create({ tenants: 't1' }, 'tenants: must be a list')],
  ['a tenant that does not exist', create({ tenants: ['t11'] }, /^tenants: must be tenants of this organization, unlike t11 \(the nearest is t1\)$/)], // prettier-ignore
  ["another organization's tenant", create({ tenants: ['u1'] }, /^tenants: must be tenants of this organization, unlike u1/)], // prettier-ignore
  ['a tenant twice', create({ tenants: ['t1', 't1'] }, 'tenants: must hold each tenant once')],
  ['a tenant with a space', create({ tenants: ['t 1'] }, /^tenants: each entry \(at 0\) must be a tenant's id: a string of 1 to 128 characters without spaces$/)], // prettier-ignore
  ['headers as an object', create({ headers: { 'X-Key': 'a' } }, 'headers: must be a list')],
  ['a header as a text', create({ headers: ['X-Key: a'] }, /^headers(\[0\])?: .*objects? with name and value$/)], // prettier-ignore
  ['a header without a value', create({ headers: [{ name: 'X-Key' }] }, 'headers[0].value: must be a string')],
  ['a header with a colon', create({ headers: [{ name: 'X-Key:', value: 'a' }] }, /^headers\[0\]\.name: must be letters, digits and /)], // prettier-ignore
  ['a header of the connection', create({ headers: [{ name: 'Host', value: 'a' }] }, 'headers[0].name: must not be a name that the service sets itself')], // prettier-ignore
  ['a header with Greek in it', create({ headers: [{ name: 'X-Key', value: 'κλειδί' }] }, 'headers[0].value: must be printable Latin-1, without line breaks')], // prettier-ignore
  ['enabled in quotes', create({ enabled: 'true' }, 'enabled: must be true or false')],
  ['no enabled', create({ enabled: undefined }, 'enabled: must be true or false')],
  ['a recipient without @', create({ errorEmailRecipients: ['ada'] }, /^errorEmailRecipients: each entry \(at 0\) must be an e-mail address, as ada@example.com or Ada <ada@example.com>$/)], // prettier-ignore
  ['recipients in one text', create({ errorEmailRecipients: 'a@example.com, b@example.com' }, 'errorEmailRecipients: must be a list')], // prettier-ignore
  ['no recipients', create({ errorEmailRecipients: undefined }, 'errorEmailRecipients: must be a list')],
  ['a misspelt member', create({ tenant: ['t1'] }, 'tenant: is not a known property')],
  // changing one
  ['null for the URL', change({ url: null }, 'url: must be a string')],
  ['null for tenants', change({ tenants: null }, 'tenants: must be a list')],
  ['enabled as a number', change({ enabled: 1 }, 'enabled: must be true or false')],
  ['a member that PATCH does not know', change({ state: 'enabled' }, 'state: is not a known property')],
  ['a JSON patch', change([{ op: 'replace', path: '/enabled', value: true }], 'body: must be a JSON object, sent as application/json')], // prettier-ignore
  ['an unknown tenant among known ones', change({ tenants: ['t1', 't9'] }, /unlike t9 \(the nearest is t1\)$/)],
  ['If-Match without quotes', { ...change({}, 'if-match: must have the version in double quotes: type If-Match: "1"'), headers: { 'if-match': '1' } }], // prettier-ignore
  ['If-Match of nothing', { ...change({}, /^if-match: must be the ETag of this integration, quotes included, such as "3", or \* for any version$/), headers: { 'if-match': 'latest' } }], // prettier-ignore
  ['an old version', { ...change({ enabled: true }, /changed meanwhile; read it again$/), headers: { 'if-match': '"99"' }, status: 412 }], // prettier-ignore
  ['PUT of one member', { method: 'PUT', path: `${PATH}/ID`, body: { enabled: true }, says: /^(url|tenants|errorEmailRecipients): must be a (string|list)$/ }], // prettier-ignore
  // ids in paths
  ['an id in words', { method: 'GET', path: `${PATH}/mine`, says: 'integrationId: must be a whole number' }],
  ['an id that there is not', { method: 'GET', path: `${PATH}/4711`, status: 404, says: 'this organization has no such integration' }], // prettier-ignore
  ['a delivery by its session alone', { method: 'GET', path: `${PATH}/ID/deliveries/s1`, status: 404, says: 'this integration has no such delivery' }], // prettier-ignore
  [
    'a path that there is not',
    { method: 'GET', path: `${ORG}/integration`, status: 404, says: 'there is no such route' },
  ],
  // the request itself
  ['the wrong method', { method: 'DELETE', status: 405, says: /GET, HEAD, POST/ }],
  ['a form', { body: 'url=x', headers: { 'content-type': 'application/x-www-form-urlencoded' }, status: 415, says: /^type Content-Type: application\/json/ }], // prettier-ignore
  [
    'a comma too many',
    { body: '{"url": "https://a.example/",}', says: /^body: is not valid JSON at line 1, column 30/ },
  ],
  ['an end that is missing', { body: '{"url":', says: /^body: is not valid JSON at line 1, column 8: its end is missing$/ }], // prettier-ignore
  ['no body', { says: /^body: must be a JSON object, sent as application\/json$/ }],
  ['no token', { token: null, body: integration(), status: 401, says: /bearer token/ }],
  ['an unknown token', { token: 'made-up', body: integration(), status: 401, says: /token/ }],
  ["another organization's path", { method: 'GET', path: '/organizations/org2/integrations', status: 403, says: 'only administrators of this organization may do this' }], // prettier-ignore
  ['a path of the moderators', { method: 'GET', path: '/operations/session-checks', status: 403, says: 'only moderators of the platform may do this' }], // prettier-ignore
  // rotation
  ['a time in words', rotate({ expireOldAfterSeconds: '1h' }, 'expireOldAfterSeconds: must be a whole number from 0 to 2592000')], // prettier-ignore
  ['a time below zero', rotate({ expireOldAfterSeconds: -1 }, 'expireOldAfterSeconds: must be a whole number from 0 to 2592000')], // prettier-ignore
  ['a misspelt time', rotate({ expireAfter: 1 }, 'expireAfter: is not a known property')],
  // lists
  ['a list of all states', list('', 'state: must be dead, pending or cancelled unless integrationId or sessionId is given')], // prettier-ignore
  ['a state of another product', list('state=failed', 'state: must be one of pending, delivered, dead, cancelled')],
  ['what was delivered, over all', list('state=delivered', 'state: must be dead, pending or cancelled unless integrationId or sessionId is given')], // prettier-ignore
  ['a channel in the plural', list('state=dead&channel=webhooks', 'channel: must be one of flow, surveys, analysis, webhook')], // prettier-ignore
  ['a day without its time zone', list('state=dead&since=yesterday', 'since: must be an ISO 8601 date-time, such as 2026-11-20T08:00:00Z')], // prettier-ignore
  ['a page number', list('state=dead&page=2', 'page: is not a known property')],
  ['too large a page', list('state=dead&limit=1000', 'limit: must be a whole number from 1 to 200')],
  ['a made-up cursor', list('state=dead&cursor=2', 'cursor: must be the nextCursor of the page before')],
  ['an integration and a tenant', list('integrationId=1&tenantId=t1', 'tenantId: must not be given together with integrationId; leave one of them out')], // prettier-ignore
  // redeliveries
  ['neither ids nor a time', redeliver({}, 'since: is required where no ids are given: an ISO 8601 date-time, such as 2026-11-20T08:00:00Z')], // prettier-ignore
  ['ids and a time', redeliver({ ids: ['s1~webhook:1'], since: DAY }, 'since: must not be given together with ids')],
  ['sessions instead of deliveries', redeliver({ ids: ['s1'] }, "ids: each entry (at 0) must be a delivery's id, as lists of deliveries tell it")], // prettier-ignore
  ['a delivery that there is not', redeliver({ ids: ['s1~webhook:1'] }, 'ids: must be deliveries of completed sessions here, unlike s1~webhook:1')], // prettier-ignore
  ['an end before the beginning', redeliver({ since: DAY, until: '2026-11-19T08:00:00Z' }, 'until: must be later than since')], // prettier-ignore
  ['one state as a text', redeliver({ since: DAY, states: 'dead' }, /^states: /)],
  ['what was delivered', redeliver({ since: DAY, states: ['delivered'] }, 'states: each entry must be one of dead, cancelled, pending')], // prettier-ignore
  ['dryRun in quotes', redeliver({ since: DAY, dryRun: 'true' }, 'dryRun: must be true or false')],
  // operations
  ['the dry run where it was', operate({ path: '/operations/session-checks?dryRun=true', says: /^dryRun: .*POST \/operations\/dry-run/ })], // prettier-ignore
  ['the dry run where it was, switched off', operate({ path: '/operations/session-checks?dryRun=false', says: /^dryRun: .*POST \/operations\/dry-run/ })], // prettier-ignore
];

describe('each mistake is answered with the field and what to type', () => {
  it('of sixty at least', () => {
    expect(MISTAKES.length).toBeGreaterThanOrEqual(60);
  });

  it.each(MISTAKES)('%s', async (_, { method = 'POST', path = PATH, status = 400, says, ...options }) => {
    const before = await fixture.stored('integrations', {});
    const answer = await fixture.call(method, path.replace('ID', String(id)), options);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      status,
      expect.stringMatching(/^application\/problem\+json/),
    ]);
    const { message, errors } = answer.body;
    const lines = Array.isArray(message) ? message : [message];
    for (const line of lines) {
      if (typeof says === 'string') expect(line).toBe(says);
      else expect(line).toMatch(says);
    }
    if (status === 400) expect(errors!.map((one) => `${one.field}: ${one.message}`)).toEqual(lines);
    expect(await fixture.stored('integrations', {})).toEqual(before);
  });
});
