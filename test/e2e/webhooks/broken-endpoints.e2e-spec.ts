import type { SessionRecord } from '../../../src/completions/completion.js';
import type { IntegrationError } from '../../../src/completions/integration-error.schema.js';
import { certificate } from '../../support/certificate.js';
import { insertIntegration } from '../../world/integrations.js';
import { NOWHERE } from '../../support/ports.js';
import { waitFor } from '../../support/wait-for.js';
import type { WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import { DAY_MS, HOUR_MS } from '../../support/time-machine.js';
import { deliveryOf, integrationErrors } from '../fixtures/deliveries.js';
import {
  answer,
  breakOff,
  close,
  connectWebhooksBy,
  failure,
  FaultyServer,
  GZIP_BOMB,
  hang,
  INSIDE,
  type Meet,
  neverEnds,
  reset,
  resolver,
  slowBody,
  slowHead,
  speak,
  tenMegabytes,
} from '../fixtures/faults.js';
import { Round } from '../fixtures/round.js';

const TIMEOUT_MS = 2_000;
const KEY = 'PLANTED-header';
const QUERY = 'PLANTED-query';
const inTwoHours = new Date(Math.floor(Date.now() / 1000) * 1000 + 2 * HOUR_MS);

const now = Date.now();
const good = certificate('good.test', new Date(now - DAY_MS), new Date(now + DAY_MS));
const old = certificate('old.test', new Date(now - 2 * DAY_MS), new Date(now - DAY_MS));
const own = certificate('own.test', new Date(now - DAY_MS), new Date(now + DAY_MS));

interface Fault {
  meet?: Meet;
  /** `127.0.0.1` without it. */
  host?: string;
  tls?: { key: string; cert: string };
  /** Where it is not simply http. */
  scheme?: 'https';
  /** In place of the server's own origin. */
  at?: string;
  /** What comes of it. */
  code: string | RegExp;
  status?: number;
  /** Milliseconds until it is tried again; the schedule's hour without it. */
  waits?: 'an hour' | 'never' | { exactly: number } | { until: Date };
  /** Requests that arrive; one without it. */
  hits?: number;
}

const delivered = (meet: Meet, status = 200): Fault => ({ meet, code: '', status });
const refusedBy = (status: number, headers: Record<string, string> = {}, more: Partial<Fault> = {}): Fault => ({
  meet: answer(status, headers),
  code: `http_${status}`,
  status,
  ...more,
});
const loop = (status: number): Fault => refusedBy(status, { location: '/hook' });

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';

/** What endpoints do, and what is to be read of it afterwards. */
const FAULTS: Record<string, Fault> = {
  'no server listens': { at: NOWHERE, code: 'ECONNREFUSED', hits: 0 },
  'the connection is reset': { meet: reset, code: 'ECONNRESET' },
  'the connection is closed': { meet: close, code: 'ECONNRESET' },
  'no answer comes': { meet: hang, code: 'timeout' },
  'headers come byte by byte': { meet: slowHead, code: 'timeout' },
  'headers never end': {
    meet: speak(`HTTP/1.1 200 OK\r\nx-long: ${'x'.repeat(100_000)}`),
    code: 'response_broken',
  },
  'it speaks no HTTP': { meet: speak(`220 ${INSIDE} ESMTP\r\n`), code: 'response_broken' },
  'it answers with two lengths': {
    meet: speak('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'),
    code: 'response_broken',
  },
  'it wants another protocol': {
    meet: speak('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'),
    code: 'ECONNRESET',
  },
  'reset in the middle of a 500': { meet: breakOff(500), code: 'http_500', status: 500 },
  'a 503 comes byte by byte': { meet: slowBody(503), code: 'http_503', status: 503 },
  'a 500 never ends': { meet: neverEnds(500), code: 'http_500', status: 500 },
  'a 500 of 10 MB': { meet: tenMegabytes(500), code: 'http_500', status: 500 },
  'a 500 that is a gzip bomb': {
    meet: answer(500, { 'content-encoding': 'gzip' }, GZIP_BOMB),
    code: 'http_500',
    status: 500,
  },
  'reset in the middle of a 200': delivered(breakOff(200)),
  'a 200 comes byte by byte': delivered(slowBody(200)),
  'a 200 never ends': delivered(neverEnds(200)),
  'a 200 of 10 MB': delivered(tenMegabytes(200)),
  'a 200 that is a gzip bomb': delivered(answer(200, { 'content-encoding': 'gzip' }, GZIP_BOMB)),
  'invalid JSON': delivered(answer(200, { 'content-type': 'application/json' }, '{"a":')),
  'an unknown charset': delivered(answer(200, { 'content-type': 'text/plain; charset=klingon' }, 'ÿþ')),
  '100 Continue comes before a 200': delivered(speak(`HTTP/1.1 100 Continue\r\n\r\n${OK}`)),
  '103 and 100 come before a 200': delivered(
    speak(`HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${OK}`),
  ),
  'a 200 with headers of 20 KB': delivered(answer(200, { 'x-long': INSIDE.repeat(20_000 / INSIDE.length) })),
  ...Object.fromEntries([301, 302, 303, 307, 308].map((status) => [`a ${status} to itself`, loop(status)])),
  ...Object.fromEntries(
    [400, 401, 403, 404, 408, 413, 425, 429, 500, 502, 503, 504].map((status) => [`a ${status}`, refusedBy(status)]),
  ),
  'a 410': refusedBy(410, {}, { waits: 'never' }),
  'a 429 with seconds': refusedBy(429, { 'retry-after': '7200' }, { waits: { exactly: 2 * HOUR_MS } }),
  'a 429 with a date': refusedBy(429, { 'retry-after': inTwoHours.toUTCString() }, { waits: { until: inTwoHours } }),
  'a 429 with a past date': refusedBy(429, { 'retry-after': new Date(0).toUTCString() }),
  'a 429 with nonsense': refusedBy(429, { 'retry-after': 'soon' }),
  'a 503 with seconds': refusedBy(503, { 'retry-after': '7200' }, { waits: { exactly: 2 * HOUR_MS } }),
  'a 429 that asks for a year': refusedBy(429, { 'retry-after': '31536000' }, { waits: { exactly: DAY_MS } }),
  'a certificate of another host': { ...tlsAt('other.test', good), code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
  'a certificate that has expired': { ...tlsAt('old.test', old), code: 'CERT_HAS_EXPIRED' },
  'a certificate signed by itself': { ...tlsAt('own.test', own), code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  'TLS is not spoken': { meet: answer(200), scheme: 'https', code: /^(ERR_SSL_|EPROTO)/, hits: 0 },
  'a name that does not resolve': { meet: answer(200), host: 'fault.invalid', code: 'no_public_address', hits: 0 },
  'a resolver that is away': { meet: answer(200), host: 'away.test', code: 'no_public_address', hits: 0 },
  'the certificate is right': { ...tlsAt('good.test', good), code: '', status: 200, hits: 1 },
};

function tlsAt(host: string, tls: { key: string; cert: string }) {
  return { meet: answer(200), host, tls, scheme: 'https' as const, hits: 0 };
}

jest.setTimeout(60_000); // a busy machine must not fail it

/** All faults at once, each beside a healthy integration of the same tenant. */
describe("a customer's endpoint where", () => {
  let round: Round;
  const cases = Object.keys(FAULTS);
  const servers: FaultyServer[] = [];
  const neighbours: WebhookReceiver[] = [];
  let completions: Map<string, SessionRecord>;
  const sessions: string[] = [];

  const tenantOf = (nth: number) => `t${nth}`;
  const idOf = (nth: number) => 1_000 + nth;
  const attempted = (nth: number) => deliveryOf(completions.get(sessions[nth]!), `webhook:${idOf(nth)}`).attempts === 1;

  beforeAll(async () => {
    const here = [['127.0.0.1']];
    const names = { 'good.test': here, 'other.test': here, 'old.test': here, 'own.test': here };
    const lookup = resolver({ ...names, 'away.test': [failure('EAI_AGAIN')] });
    const env = {
      DELIVERY_RETRY_SCHEDULE: '1h,1h',
      WEBHOOK_TIMEOUT_MS: String(TIMEOUT_MS),
      SESSION_SERVICE_REQUEST_TIMEOUT: '20000',
    };
    round = await Round.start('broken-endpoints', env, connectWebhooksBy({ lookup, ca: good.cert + old.cert }));
    for (const nth of cases.keys()) await arrange(nth);
    await round.check();
    await waitFor(
      'every first attempt',
      async () => {
        completions = await round.all();
        return cases.every((_, nth) => attempted(nth));
      },
      { timeoutMs: 30_000 },
    );
  });

  async function arrange(nth: number): Promise<void> {
    const { meet = hang, host = '127.0.0.1', tls, scheme = 'http', at } = FAULTS[cases[nth]!]!;
    const tenantId = tenantOf(nth);
    const server = await FaultyServer.start(meet, tls ? { tls } : {});
    servers.push(server);
    const url = `${at ?? `${scheme}://${host}:${server.port}`}/hook?key=${QUERY}`;
    round.addTenant(tenantId);
    const headers = { 'x-api-key': KEY };
    const organizationId = `org-${tenantId}`;
    await insertIntegration(round.db, { id: idOf(nth), organizationId, tenants: [tenantId], url, headers });
    neighbours.push(await round.addWebhook(tenantId));
    sessions.push(round.addSession(tenantId, 20));
  }

  afterAll(async () => {
    await round.stop();
    await Promise.all(servers.map((server) => server.stop()));
    expect(round.platform.violations).toEqual([]);
  });

  const errorsOf = (nth: number): Promise<IntegrationError[]> => integrationErrors(round.db, idOf(nth));

  describe.each(cases.map((name, nth) => [name, nth] as const))('%s', (name, nth) => {
    const { code, status, waits = 'an hour', hits = 1 } = FAULTS[name]!;
    const delivery = () => deliveryOf(completions.get(sessions[nth]!), `webhook:${idOf(nth)}`);

    it('is recorded with the right code, status and state', () => {
      const { lastStatus, lastError, state, log } = delivery();
      expect(state).toBe(code === '' ? 'delivered' : waits === 'never' ? 'dead' : 'pending');
      expect(lastStatus).toBe(status);
      if (code === '') expect(lastError).toBeUndefined();
      else expect(lastError).toMatch(typeof code === 'string' ? new RegExp(`^${code}: .`) : code);
      expect(log).toHaveLength(1);
    });

    it('gets one attempt, and the next one at the right time', () => {
      expect(servers[nth]!.hits).toBe(hits);
      const { dueAt, at, state } = delivery();
      if (state !== 'pending') return expect(dueAt).toBeUndefined();
      const wait = dueAt!.getTime() - at!.getTime();
      if (waits === 'an hour') {
        expect(wait).toBeGreaterThanOrEqual(0.8 * HOUR_MS);
        expect(wait).toBeLessThanOrEqual(1.2 * HOUR_MS);
      } else if (typeof waits === 'object' && 'until' in waits) {
        // reckoned by this machine's clock when the answer came, written down by the database's a moment later
        expect(Math.abs(dueAt!.getTime() - waits.until.getTime())).toBeLessThan(TIMEOUT_MS);
      } else expect({ exactly: wait }).toEqual(waits);
    });

    it("is in the list of errors, which shows nothing of the endpoint's answer, the URL's query or a header", async () => {
      const errors = await errorsOf(nth);
      expect(JSON.stringify([errors, delivery()])).not.toMatch(/PLANTED|127\.0\.0|getaddrinfo/);
      if (code === '') return expect(errors).toEqual([]);
      const { state, dueAt } = delivery();
      expect(errors).toHaveLength(1);
      expect(errors[0]).toMatchObject({ sessionId: sessions[nth], tenantId: tenantOf(nth), attempt: 1 });
      expect(errors[0]!.code).toMatch(code);
      expect(errors[0]!.statusCode).toBe(status);
      expect([errors[0]!.dead, errors[0]!.nextAttemptAt]).toEqual([state === 'dead', dueAt]);
    });

    it('delays no other integration of the tenant', () => {
      const neighbour = deliveryOf(completions.get(sessions[nth]!), `webhook:${nth + 1}`);
      expect(neighbour).toMatchObject({ state: 'delivered', attempts: 1, lastStatus: 200 });
      expect(neighbours[nth]!.of(sessions[nth]!)).toHaveLength(1);
      // what hangs has its outcome when its time is over; a neighbour that waited for that would be later still
      if (code === 'timeout') expect(neighbour.at!.getTime()).toBeLessThan(delivery().at!.getTime());
    });
  });

  it('leaves no connection open that failed', async () => {
    const broken = cases.flatMap((name, nth) => (/never ends|byte|no answer/.test(name) ? [servers[nth]!] : []));
    expect(broken.length).toBeGreaterThan(4);
    await waitFor('connections to be closed', () => broken.every(({ open }) => open === 0));
  });
});
