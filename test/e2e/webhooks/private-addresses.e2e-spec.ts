import type { IntegrationErrorResource } from '../../../src/api/integration-errors.dto.js';
import { insertIntegration } from '../../world/integrations.js';
import { waitFor } from '../../support/wait-for.js';
import { deliveryNow, deliveryOf, integrationErrors } from '../fixtures/deliveries.js';
import { answer, connectWebhooksBy, failure, FaultyServer, INSIDE, resolver } from '../fixtures/faults.js';
import { Round } from '../fixtures/round.js';

const TOKEN = 'token-of-an-admin';
const HIDDEN = 'the host name resolves to no public address';
const NEVER = 'the host of the URL is not public';

/** Addresses that a customer's own DNS may answer with. */
const ADDRESSES = [
  ...['0.0.0.0', '127.0.0.2', '127.1.1.1', '10.0.0.7', '172.16.3.4', '192.168.7.7', '169.254.169.254', '100.64.9.9'],
  ...['100.100.100.200', '192.0.0.192', '198.18.0.5', '203.0.113.9', '224.0.0.1', '255.255.255.255', '240.0.0.9'],
  ...['::', '::1', 'fe80::1', 'fd00:ec2::254', 'fc00::7', '::ffff:127.0.0.2', '::ffff:a9fe:a9fe', '::ffff:10.0.0.7'],
  ...[
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::a00:7',
    '2002:7f00:2::1',
    '2002:a9fe:a9fe::',
    '2001::1',
    '::127.0.0.2',
    'ff02::1',
  ],
];

/** Written into a URL past the REST API, as if WEBHOOK_ALLOWED_PRIVATE_CIDRS had allowed more when it was stored. */
const LITERALS = [
  ...['127.0.0.2', '2130706434', '0x7f.0.0.2', '0177.0.0.2', '169.254.169.254', '10.0.0.7', '0.0.0.0', '100.64.0.1'],
  ...['[::1]', '[::ffff:7f00:2]', '[64:ff9b::7f00:2]', '[2002:7f00:2::]', '[fd00::7]', '127.0.0.2.'],
];

jest.setTimeout(60_000); // a busy machine must not fail it

/** 127.0.0.1 stands for the world outside, everything else for what is inside. */
describe('a webhook that leads to a private address', () => {
  let round: Round;
  let inside: FaultyServer;
  let outside: FaultyServer;
  let redirecting: FaultyServer;
  let id = 100;

  beforeAll(async () => {
    inside = await FaultyServer.start(answer(200), { host: '127.0.0.2' });
    outside = await FaultyServer.start(answer(503, { connection: 'close' }));
    const location = `http://127.0.0.2:${inside.port}/${INSIDE}`;
    redirecting = await FaultyServer.start(answer(307, { location, connection: 'close' }));
    const names = Object.fromEntries(ADDRESSES.map((address, nth) => [`n${nth}.test`, [[address]]]));
    const lookup = resolver({
      ...names,
      'all.test': [ADDRESSES],
      'away.test': [failure('EAI_AGAIN')],
      'rebinding.test': [['127.0.0.1'], ['127.0.0.2']],
      'outside.test': [['127.0.0.1']],
    });
    const env = {
      WEBHOOK_ALLOWED_PRIVATE_CIDRS: '127.0.0.1/32',
      DELIVERY_RETRY_SCHEDULE: '50ms,1h',
      SESSION_SERVICE_REQUEST_TIMEOUT: '20000',
    };
    round = await Round.start('private-addresses', env, connectWebhooksBy({ lookup }));
    round.core.addUser({ token: TOKEN, id: 'ada', organizationRoles: { 'org-t1': ['HBF_ORG_ADMIN'] } });
    round.addTenant('t1');
  });

  afterAll(async () => {
    expect(inside.hits).toBe(0);
    await round.stop();
    await Promise.all([inside, outside, redirecting].map((server) => server.stop()));
    expect(round.platform.violations).toEqual([]);
  });

  afterEach(() => round.db.collection('integrations').deleteMany({}));

  async function point(url: string): Promise<number> {
    await insertIntegration(round.db, { id: ++id, organizationId: 'org-t1', tenants: ['t1'], url });
    return id;
  }

  /** Ends a session, and waits for so many attempts. @returns its id */
  async function attempt(integrationIds: number[], attempts: number): Promise<string> {
    const sessionId = round.addSession('t1', 20);
    await round.check();
    await waitFor('the attempts', async () => {
      const completion = (await round.all()).get(sessionId);
      return integrationIds.every((one) => deliveryOf(completion, `webhook:${one}`).attempts >= attempts);
    });
    return sessionId;
  }

  async function listed(integrationId: number): Promise<IntegrationErrorResource[]> {
    const path = `/organizations/org-t1/integrations/errors/${integrationId}`;
    const response = await fetch(`${round.service.url}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
    expect(response.status).toBe(200);
    return (await response.json()) as IntegrationErrorResource[];
  }

  it('by its host name is refused at connect time, with a reason that does not tell the address', async () => {
    const names = [...ADDRESSES.map((_, nth) => `n${nth}.test`), 'all.test'];
    const ids: number[] = [];
    for (const name of names) ids.push(await point(`http://${name}:${inside.port}/`));
    const sessionId = await attempt(ids, 2);

    const completion = (await round.all()).get(sessionId);
    for (const one of ids) {
      const delivery = deliveryOf(completion, `webhook:${one}`);
      // DNS can be mended: it is tried again like any other failure
      expect(delivery).toMatchObject({ state: 'pending', lastError: `no_public_address: ${HIDDEN}` });
      expect(delivery.lastStatus).toBeUndefined();
      const errors = await listed(one);
      expect(errors.map(({ code, message }) => [code, message])).toEqual(Array(2).fill(['no_public_address', HIDDEN]));
    }
    const told = JSON.stringify([completion, await integrationErrors(round.db, ids[0])]);
    for (const address of ADDRESSES.filter((one) => one.length > 3)) expect(told).not.toContain(address);
  });

  it('by a literal in its URL is refused before any connection', async () => {
    const ids: number[] = [];
    for (const host of LITERALS) ids.push(await point(`http://${host}:${inside.port}/PLANTED`));
    const credentials = await point(`http://user:PLANTED@outside.test:${outside.port}/`);
    const sessionId = await attempt([...ids, credentials], 1);

    const completion = (await round.all()).get(sessionId);
    for (const one of ids) {
      const row = { state: 'dead', lastError: `url_refused: ${NEVER}` };
      expect(deliveryOf(completion, `webhook:${one}`)).toMatchObject(row);
      const error = { code: 'url_refused', message: NEVER, dead: true };
      expect(await listed(one)).toEqual([expect.objectContaining(error)]);
    }
    expect(await listed(credentials)).toMatchObject([{ message: 'the URL must not hold credentials', dead: true }]);
    expect(JSON.stringify(completion)).not.toMatch(/PLANTED/);
    expect(outside.hits).toBe(0);
  });

  it('by a host name that resolves differently at the second attempt is refused there', async () => {
    const one = await point(`http://rebinding.test:${outside.port}/`);
    const port = outside.port;
    const trap = await FaultyServer.start(answer(200, {}, INSIDE), { host: '127.0.0.2', port });
    const sessionId = await attempt([one], 2);
    expect(await deliveryNow(round, sessionId, `webhook:${one}`)).toMatchObject({
      state: 'pending',
      log: [{ code: 'http_503' }, { code: 'no_public_address' }],
    });
    expect((await listed(one)).map(({ code }) => code)).toEqual(['no_public_address', 'http_503']);
    expect(trap.hits).toBe(0);
    await trap.stop();
  });

  it('by a redirect is not followed, and the errors do not say where it leads', async () => {
    const before = redirecting.hits;
    const one = await point(`http://outside.test:${redirecting.port}/`);
    const sessionId = await attempt([one], 1);
    const errors = await listed(one);
    expect(errors.at(-1)).toMatchObject({ code: 'http_307', statusCode: 307 });
    expect(redirecting.hits).toBeGreaterThan(before);
    const told = JSON.stringify([errors, (await round.all()).get(sessionId)]);
    expect(told).not.toMatch(new RegExp(`${INSIDE}|127\\.0\\.0|${inside.port}`));
  });

  async function test(id: number): Promise<string> {
    const response = await fetch(`${round.service.url}/organizations/org-t1/integrations/${id}/test`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    return response.text();
  }

  it('is refused in the same way when an administrator tests it', async () => {
    const text = await test(await point(`http://127.0.0.2:${inside.port}/`));
    expect(text).toContain('url_refused');
    expect(text).not.toMatch(new RegExp(`${INSIDE}|127\\.0\\.0`));
  });

  it('tested by an administrator, cannot be told from one whose name does not resolve', async () => {
    const answers: object[] = [];
    for (const name of ['n3.test', 'all.test', 'unknown.test', 'away.test']) {
      const { durationMs, ...told } = JSON.parse(await test(await point(`http://${name}:${inside.port}/`))) as Record<string, unknown>; // prettier-ignore
      expect(durationMs).toEqual(expect.any(Number));
      answers.push(told);
    }
    expect(answers).toEqual(Array(4).fill({ delivered: false, code: 'no_public_address', message: HIDDEN }));
  });
});
