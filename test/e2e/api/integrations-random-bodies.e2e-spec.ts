import fc from 'fast-check';
import { Pool } from 'undici';
import { integration, IntegrationsFixture, type Shown, TOKENS } from '../fixtures/integrations.js';

const PATH = '/organizations/org1/integrations';
const BATCH = 50;
const BATCHES = 200;

let fixture: IntegrationsFixture;
let id: number;
let pool: Pool;

beforeAll(async () => {
  // a busy machine must not look like a platform that is away
  fixture = await IntegrationsFixture.start('integrations-random-e2e', {
    SESSION_SERVICE_REQUEST_TIMEOUT: '30000',
    INTEGRATIONS_MAX_PER_TENANT: '1000',
    INTEGRATIONS_MAX_PER_ORGANIZATION: '10000',
  });
  ({ id } = await fixture.create());
  pool = new Pool(fixture.service.url, { connections: BATCH });
});
afterAll(async () => {
  await pool.close();
  await fixture.stop();
});

/** Less work than fetch, ten thousand times. */
async function send({ put, body: sent }: { put: boolean; body: string }): Promise<Answer> {
  const headers = { authorization: `Bearer ${TOKENS.admin}`, 'content-type': 'application/json' };
  const [method, path] = put ? (['PUT', `${PATH}/${id}`] as const) : (['POST', PATH] as const);
  const { statusCode, body: answer } = await pool.request({ method, path, headers, body: sent });
  return { status: statusCode, body: (await answer.json()) as Answer['body'] };
}

interface Answer {
  status: number;
  body: { message: string | string[] };
}

/** Names that mean something to JavaScript, and to the libraries that a body goes through. */
const trickyName = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'then',
  'hasOwnProperty',
  'length',
  '_id',
  'version',
  '$set',
  '$where',
  'a.b',
  'id',
  'organizationId',
  'signingSecrets',
);

const anything = fc.jsonValue({ maxDepth: 3, depthSize: 'small' });
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ maxLength: 3 }), trickyName);
const header = fc.record({ name: fc.oneof(text, anything), value: fc.oneof(text, anything) }, { requiredKeys: [] });

/** Mostly right, so that what is wrong gets past the first checks. */
const nearlyRight = fc.record(
  {
    url: fc.oneof(
      fc.webUrl({ withQueryParameters: true, withFragments: true, validSchemes: ['http', 'https', 'ftp'] }),
      fc.ipV4().map((ip) => `https://${ip}/`),
      fc.ipV6().map((ip) => `https://[${ip}]/`),
      text.map((host) => `https://${host}/`),
      anything,
    ),
    // few, as each is asked of hbf-core
    tenants: fc.oneof(
      fc.constantFrom(['t1'], ['t3', 't2'], ['u1']),
      text.map((id) => [id]),
      anything,
    ),
    headers: fc.oneof(fc.array(header, { maxLength: 4 }), fc.array(anything, { maxLength: 3 }), anything),
    enabled: fc.oneof(fc.boolean(), anything),
    errorEmailRecipients: fc.oneof(fc.array(fc.oneof(fc.emailAddress(), text), { maxLength: 3 }), anything),
  },
  { requiredKeys: [] },
);

const right = fc.constant(integration());
const withStranger = fc
  .tuple(fc.oneof(right, nearlyRight), fc.oneof(trickyName, fc.string()), anything)
  .map(
    ([body, name, value]) => `${JSON.stringify(body).slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(value)}}`,
  );

const spliced = fc.tuple(fc.nat(200), fc.nat(5), fc.string({ unit: 'binary', maxLength: 5 })).map(([at, drop, put]) => {
  const whole = JSON.stringify(integration());
  return `${whole.slice(0, at)}${put}${whole.slice(at + drop)}`;
});

const body = fc.oneof(
  { weight: 4, arbitrary: nearlyRight.map((value) => JSON.stringify(value)) },
  { weight: 2, arbitrary: fc.tuple(right, nearlyRight).map(([a, b]) => JSON.stringify({ ...a, ...b })) },
  { weight: 2, arbitrary: withStranger },
  { weight: 1, arbitrary: anything.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: spliced },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
);

const request = fc.record({ put: fc.boolean(), body });

it('no random body out of 10,000 gives a 5xx, and each refusal has the one error body', async () => {
  const seen = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: BATCH, maxLength: BATCH, size: 'max' }), async (batch) => {
      const answers = await Promise.all(batch.map(send));
      for (const { status, body: answer } of answers) {
        seen.set(status, (seen.get(status) ?? 0) + 1);
        if (status < 300) continue;
        expect(status).toBe(400);
        expect(answer).toMatchObject({ statusCode: 400, error: 'Bad Request', path: expect.any(String) });
        expect([answer.message].flat().length).toBeGreaterThan(0);
      }
    }),
    { numRuns: BATCHES },
  );
  expect([...seen.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(BATCH * BATCHES);
  // the bodies are worth sending: some pass, by either method
  expect([...seen.keys()].sort()).toEqual([200, 201, 400]);
}, 240_000);

it('each integration that was created by a random body can be read again', async () => {
  const { status, body: list } = await fixture.call<Shown[]>('GET', PATH);
  expect(status).toBe(200);
  for (const one of list) {
    expect(one).toMatchObject({ url: expect.any(String), enabled: expect.any(Boolean) });
    expect(one.tenants.every((tenant) => ['t1', 't2', 't3'].includes(tenant))).toBe(true);
  }
  expect(fixture.platform.violations).toEqual([]);
}, 30_000);
