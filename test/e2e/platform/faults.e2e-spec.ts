import type { Delivery } from '../../../src/completions/delivery.js';
import { LEASE_PASSES_MS } from '../../support/time-machine.js';
import { deliveryOf } from '../fixtures/deliveries.js';
import {
  answer,
  breakOff,
  close,
  FaultyGate,
  GZIP_BOMB,
  hang,
  INSIDE,
  type Meet,
  neverEnds,
  reset,
  slowBody,
  slowHead,
  speak,
  tenMegabytes,
} from '../fixtures/faults.js';
import { Round } from '../fixtures/round.js';

const TIMEOUT_MS = 800;
const FIRST_WAIT_MS = 50;

interface Fault {
  meet: Meet;
  /** Of the first attempt; empty: it counts as delivered. */
  code: string | RegExp;
  status?: number;
  /** Trying again cannot help. */
  dead?: true;
  waitsMs?: number;
}

const byStatus = (status: number, more: Partial<Fault> = {}): [string, Fault] => [
  `answers ${status}`,
  { meet: answer(status), code: `http_${status}`, status, ...more },
];
const inTwoSeconds = () => new Date(Date.now() + 2_000).toUTCString();

/** One request fails in this way, the next ones succeed. */
const FAULTS: [string, Fault][] = [
  ['resets the connection', { meet: reset, code: 'ECONNRESET' }],
  ['closes the connection', { meet: close, code: 'ECONNRESET' }],
  ['does not answer', { meet: hang, code: 'timeout' }],
  ['sends its headers byte by byte', { meet: slowHead, code: 'timeout' }],
  ['speaks no HTTP', { meet: speak('220 ready\r\n'), code: /^(HPE_\w+|network_error)$/ }],
  ['breaks off in a 500', { meet: breakOff(500), code: 'http_500', status: 500 }],
  ['sends a 503 byte by byte', { meet: slowBody(503), code: 'http_503', status: 503 }],
  ['sends a 500 without an end', { meet: neverEnds(500), code: 'http_500', status: 500 }],
  ['sends a 500 of 10 MB', { meet: tenMegabytes(500), code: 'http_500', status: 500 }],
  [
    'sends a gzip bomb with a 502',
    { meet: answer(502, { 'content-encoding': 'gzip' }, GZIP_BOMB), code: 'http_502', status: 502 },
  ],
  ...[301, 302, 307, 308].map((status): [string, Fault] => [
    `redirects to itself with ${status}`,
    { meet: answer(status, { location: '/' }), code: `http_${status}`, status },
  ]),
  ...[401, 403, 404, 408, 425, 429, 500, 502, 503, 504].map((status) => byStatus(status)),
  ...[400, 413, 422].map((status) => byStatus(status, { dead: true })),
  [
    'answers 429 and asks for a second',
    { meet: answer(429, { 'retry-after': '1' }), code: 'http_429', status: 429, waitsMs: 1_000 },
  ],
  [
    'answers 503 and names a time',
    {
      // a date has no milliseconds: at least one second of the two is left
      meet: (response) => void response.writeHead(503, { 'retry-after': inTwoSeconds() }).end(),
      code: 'http_503',
      status: 503,
      waitsMs: 900,
    },
  ],
  ['breaks off in a 200', { meet: breakOff(200), code: '' }],
  ['sends a 200 byte by byte', { meet: slowBody(200), code: '' }],
  ['sends a 200 without an end', { meet: neverEnds(200), code: '' }],
  ['sends a gzip bomb with a 200', { meet: answer(200, { 'content-encoding': 'gzip' }, GZIP_BOMB), code: '' }],
  ['sends invalid JSON', { meet: answer(200, { 'content-type': 'application/json' }, '{"a":'), code: '' }],
];

jest.setTimeout(30_000); // a busy machine must not fail it

let round: Round;
let tenants = 0;
const gates = {} as Record<'core' | 'publisher' | 'nlp', FaultyGate>;

beforeAll(async () => {
  for (const name of ['core', 'publisher', 'nlp'] as const) gates[name] = await FaultyGate.start();
  round = await Round.start('faults-siblings', {
    CORE_URL: gates.core.url,
    EVENT_PUBLISHER_URL: gates.publisher.url,
    NLP_URL: gates.nlp.url,
    SESSION_SERVICE_REQUEST_TIMEOUT: String(TIMEOUT_MS),
    FLOW_TRIGGER_TIMEOUT_MS: String(TIMEOUT_MS),
    DELIVERY_RETRY_SCHEDULE: `${FIRST_WAIT_MS}ms,100ms,100ms`,
  });
  for (const name of ['core', 'publisher', 'nlp'] as const) gates[name].target = round.platform[name].server.url;
  round.addTenant('t1', { summarizes: true });
});

afterAll(async () => {
  await round.stop();
  await Promise.all(Object.values(gates).map((gate) => gate.server.stop()));
  expect(round.platform.violations).toEqual([]);
});

/** A new tenant for each test: a check does not look at a tenant again before one of its sessions can have ended. */
function newTenant(): string {
  const id = `core-${++tenants}`;
  round.addTenant(id);
  return id;
}

afterEach(() => Object.values(gates).forEach((gate) => gate.heal()));

describe('a delivery to hbf-event-publisher or hbf-nlp, when the sibling', () => {
  function judge(delivery: Delivery, { code, status, dead, waitsMs }: Fault): void {
    const [first, second] = delivery.log;
    if (code === '') return expect(delivery).toMatchObject({ state: 'delivered', attempts: 1, lastStatus: 200 });
    expect(first!.code).toMatch(typeof code === 'string' ? new RegExp(`^${code}$`) : code);
    expect(first!.statusCode).toBe(status);
    expect(delivery).toMatchObject(dead ? { state: 'dead', attempts: 1 } : { state: 'delivered', attempts: 2 });
    if (dead) return expect(delivery.lastError).toMatch(new RegExp(`^${String(code)}: `));
    expect(second!.at.getTime() - first!.at.getTime()).toBeGreaterThanOrEqual(waitsMs ?? 0.8 * FIRST_WAIT_MS);
  }

  it.each(FAULTS)('%s', async (_what, fault) => {
    const receiver = await round.addWebhook('t1');
    gates.publisher.spoil(fault.meet, 1);
    gates.nlp.spoil(fault.meet, 1);
    const sessionId = round.addSession('t1', 20);
    await round.check();
    const completion = (await round.allSettled(20_000)).get(sessionId)!;

    expect([gates.publisher.spoilt, gates.nlp.spoilt]).toEqual([1, 1]);
    judge(deliveryOf(completion, 'flow:t1'), fault);
    judge(deliveryOf(completion, 'analysis:t1'), fault);
    expect(deliveryOf(completion, 'surveys:t1').state).toBe('delivered');
    expect(receiver.of(sessionId)).toHaveLength(1);
    expect(JSON.stringify(completion)).not.toMatch(INSIDE);
  });

  it('closed every connection that failed', () => {
    const kept = [gates.publisher, gates.nlp].map(({ server }) => server.open);
    for (const open of kept) expect(open).toBeLessThan(8);
  });
});

describe('hbf-core, when its PATCH', () => {
  const isPatch = ({ method }: { method?: string }) => method === 'PATCH';
  const keepsTheIntent: [string, Meet][] = [
    ['is reset', reset],
    ['is not answered', hang],
    ['is answered byte by byte', slowHead],
    ['is redirected to itself', answer(307, { location: '/chat-sessions/batch/complete' })],
    ['is answered 10 MB of 500', tenMegabytes(500)],
    ['is answered a gzip bomb of 500', answer(500, { 'content-encoding': 'gzip' }, GZIP_BOMB)],
    ...[401, 403, 408, 425, 429, 500, 503].map((status): [string, Meet] => [`is answered ${status}`, answer(status)]),
    ['is answered 429 for two hours', answer(429, { 'retry-after': '7200' })],
  ];

  it.each(keepsTheIntent)('%s, leaves the intent, and every delivery is made later', async (_what, meet) => {
    const tenantId = newTenant();
    const receiver = await round.addWebhook(tenantId);
    const sessionId = round.addSession(tenantId, 20);
    gates.core.spoil(meet, Infinity, isPatch);
    expect(await round.check()).toMatchObject({ completed: 0, refused: 0, tenantsFailed: 1 });
    expect(gates.core.spoilt).toBeLessThanOrEqual(3);
    const waiting = (await round.all()).get(sessionId)!;
    expect(waiting.completedAt).toBeUndefined();
    expect(waiting.deliveries.every(({ state, attempts }) => state === 'pending' && attempts === 0)).toBe(true);
    expect(receiver.received).toEqual([]);

    gates.core.heal();
    await round.age(LEASE_PASSES_MS);
    await round.check();
    const settled = (await round.allSettled()).get(sessionId)!;
    expect(settled.deliveries.every(({ state }) => state === 'delivered')).toBe(true);
    expect(receiver.of(sessionId)).toHaveLength(1);
    expect(round.core.session(sessionId).status).toBe('COMPLETED');
  });

  it.each([400, 404, 413])('is answered %i, only quarantines the session', async (status) => {
    const sessionId = round.addSession(newTenant(), 20);
    gates.core.spoil(answer(status), Infinity, isPatch);
    expect(await round.check()).toMatchObject({ completed: 0, refused: 1, tenantsFailed: 0 });
    expect((await round.all()).has(sessionId)).toBe(false);
    expect(round.core.session(sessionId).status).toBe('ACTIVE');
    round.core.removeSession(sessionId); // it stays in quarantine for a while
  });

  it.each([
    ['breaks off after a 204', speak('HTTP/1.1 204 No Content\r\n\r\n', (socket) => socket.destroy())],
    ['is answered a 200 without an end', neverEnds(200)],
    ['is answered a gzip bomb', answer(200, { 'content-encoding': 'gzip' }, GZIP_BOMB)],
  ])('%s, counts as success', async (_what, meet) => {
    const sessionId = round.addSession(newTenant(), 20);
    gates.core.spoil(meet, 1, isPatch);
    expect(await round.check()).toMatchObject({ completed: 1 });
    expect((await round.allSettled()).has(sessionId)).toBe(true);
    round.core.removeSession(sessionId); // the PATCH did not reach hbf-core, which would list the session in every check
  });
});

describe('hbf-core, when its list of sessions', () => {
  const isList = ({ url }: { url?: string }) => url!.startsWith('/chat-sessions?');
  const json = { 'content-type': 'application/json' };
  const faults: [string, Meet][] = [
    ['breaks off', breakOff(200)],
    ['comes byte by byte', slowBody(200)],
    ['never ends', neverEnds(200, json)],
    ['is a gzip bomb', answer(200, { ...json, 'content-encoding': 'gzip' }, GZIP_BOMB)],
    ['is 10 MB of no JSON', tenMegabytes(200)],
    ['says that it is gzip, and is not', answer(200, { ...json, 'content-encoding': 'gzip' }, '{"items":[]}')],
    ['is of another charset', answer(200, json, Buffer.from('{"items":[],"total":0}', 'utf16le'))],
    ['is cut JSON', answer(200, json, '{"items":[')],
    ['is redirected to itself', answer(302, { location: '/chat-sessions' })],
    ...[403, 404, 408, 413, 425, 429].map((status): [string, Meet] => [`answers ${status}`, answer(status)]),
  ];

  it.each(faults)('%s, completes no session, and the next check works', async (_what, meet) => {
    const sessionId = round.addSession(newTenant(), 20);
    gates.core.spoil(meet, Infinity, isList);
    await expect(round.check()).rejects.toThrow();
    expect((await round.all()).has(sessionId)).toBe(false);
    gates.core.heal();
    expect(await round.check()).toMatchObject({ completed: 1, tenantsFailed: 0 });
    expect((await round.allSettled()).has(sessionId)).toBe(true);
  });
});
