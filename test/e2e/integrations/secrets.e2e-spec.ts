import { webhookDestination } from '../../../src/completions/delivery.js';
import type { ErrorBody } from '../../../src/http/error-body.js';
import { NOWHERE } from '../../support/ports.js';
import { WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import { HOUR_MS } from '../../support/time-machine.js';
import { completionOf, deliveryTo } from '../fixtures/completions.js';
import { IntegrationsFixture, TOKENS } from '../fixtures/integrations.js';

const PATH = '/organizations/org1/integrations';

interface SecretAnswer {
  secret: string;
  createdAt: string;
  former: { createdAt: string; expiresAt: string }[];
}

interface ExampleAnswer {
  delivered: boolean;
  statusCode?: number;
  durationMs: number;
  code?: string;
  message?: string;
  response?: string;
}

let fixture: IntegrationsFixture;
let receiver: WebhookReceiver;

beforeAll(async () => {
  fixture = await IntegrationsFixture.start('integrations-secrets-e2e', { WEBHOOK_TIMEOUT_MS: '500' });
});
beforeEach(async () => {
  receiver = await WebhookReceiver.start();
});
afterEach(() => receiver.stop());
afterAll(() => fixture.stop());

const secretOf = (id: number) => fixture.call<SecretAnswer>('GET', `${PATH}/${id}/signing-secret`);
const rotate = (id: number, body?: unknown) =>
  fixture.call<SecretAnswer>('POST', `${PATH}/${id}/signing-secret/rotate`, { body });
const test = (id: number) => fixture.call<ExampleAnswer>('POST', `${PATH}/${id}/test`);
const endpoint = (more = {}) => fixture.create({ url: `http://127.0.0.1:${receiver.port}/hook?key=1`, ...more });

describe('signing secrets', () => {
  it('exist for each integration from its creation, and only administrators see them', async () => {
    const [one, other] = [await fixture.create(), await fixture.create()];
    const { status, body, headers } = await secretOf(one.id);
    expect([status, body.former]).toEqual([200, []]);
    expect(body.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect((await secretOf(other.id)).body.secret).not.toBe(body.secret);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(JSON.stringify(await fixture.call('GET', PATH))).not.toContain('whsec_');
  });

  it('sign both for 24 hours after a rotation', async () => {
    const { id } = await endpoint();
    const before = (await secretOf(id)).body;
    const { status, body: after } = await rotate(id);
    expect(status).toBe(201);
    expect(after.secret).not.toBe(before.secret);
    expect(after.former).toEqual([{ createdAt: before.createdAt, expiresAt: expect.any(String) }]);
    const overlap = Date.parse(after.former[0]!.expiresAt) - Date.parse(after.createdAt);
    expect(overlap).toBe(24 * HOUR_MS);
    expect((await secretOf(id)).body).toEqual(after);

    for (const { secret } of [before, after]) {
      receiver.useSecrets([secret]);
      expect((await test(id)).body.delivered).toBe(true);
      expect(receiver.received.at(-1)).toMatchObject({ verified: true });
    }
    expect(receiver.received.at(-1)!.signature!.split(' ')).toHaveLength(2);
  });

  it('stay when the settings are replaced', async () => {
    const created = await endpoint();
    const { body: before } = await secretOf(created.id);
    const body = { url: created.url, tenants: ['t3'], enabled: true, errorEmailRecipients: [] };
    expect((await fixture.call('PUT', `${PATH}/${created.id}`, { body })).status).toBe(200);
    expect((await secretOf(created.id)).body).toEqual(before);
  });

  it('are four at most: none of them ends before its time unless that is asked for', async () => {
    const { id } = await fixture.create();
    for (let i = 0; i < 3; i++) expect((await rotate(id)).status).toBe(201);
    const before = (await secretOf(id)).body;
    expect(before.former).toHaveLength(3);
    const refused = await fixture.call<ErrorBody>('POST', `${PATH}/${id}/signing-secret/rotate`, { body: {} });
    expect([refused.status, refused.body.message]).toEqual([
      409,
      `4 secrets sign already: rotate again after ${before.former[2]!.expiresAt}, when one ends, or with expireOldAfterSeconds 0, which ends all at once`,
    ]);
    expect((await secretOf(id)).body).toEqual(before);
    const { status, body } = await rotate(id, { expireOldAfterSeconds: 0 });
    expect([status, body.former]).toEqual([201, []]);
    expect((await secretOf(id)).body).toEqual(body);
  });

  it('sign for as long as is asked for, and those that end sooner end when they would', async () => {
    const { id } = await endpoint();
    const first = await rotate(id, { expireOldAfterSeconds: 60 });
    const second = await rotate(id, { expireOldAfterSeconds: 3600 });
    const [later, sooner] = second.body.former;
    expect(Date.parse(later!.expiresAt) - Date.parse(second.body.createdAt)).toBe(HOUR_MS);
    expect(sooner).toEqual(first.body.former[0]);
  });

  it('revoked at once, the old secret signs nothing any more', async () => {
    const { id } = await endpoint();
    const { body: old } = await secretOf(id);
    const { body: now } = await rotate(id, { expireOldAfterSeconds: 0 });
    receiver.useSecrets([now.secret]);
    await test(id);
    expect(receiver.received.at(-1)).toMatchObject({ verified: true });
    receiver.useSecrets([old.secret]);
    await test(id);
    expect(receiver.received.at(-1)).toMatchObject({ verified: false });
  });

  it.each([-1, 2_592_001, 0.5, '60', null])('are refused the time %j', async (expireOldAfterSeconds) => {
    const { id } = await fixture.create();
    const refused = await fixture.call<ErrorBody>('POST', `${PATH}/${id}/signing-secret/rotate`, {
      body: { expireOldAfterSeconds },
    });
    const message = 'must be a whole number from 0 to 2592000';
    expect([refused.status, refused.body.errors]).toEqual([400, [{ field: 'expireOldAfterSeconds', message }]]);
  });

  it('are 404 for an integration that was created without one, until it is rotated', async () => {
    const { id } = await fixture.create();
    await fixture.change('integrations', { _id: id }, { $unset: { signingSecrets: 1 } });
    expect((await secretOf(id)).status).toBe(404);
    expect((await rotate(id)).status).toBe(201);
    expect((await secretOf(id)).body.former).toEqual([]);
  });

  it("are 404 for another organization's integration", async () => {
    const { id } = await fixture.create({ tenants: ['u1'] }, 'org2');
    expect([(await secretOf(id)).status, (await rotate(id)).status, (await test(id)).status]).toEqual([404, 404, 404]);
  });
});

describe('an example on demand', () => {
  it("is a signed session with test: true and the integration's headers", async () => {
    const { id } = await endpoint({ enabled: false });
    receiver.useSecrets([(await secretOf(id)).body.secret]);
    receiver.behave({ kind: 'ok', body: 'thanks' });
    const { status, body } = await test(id);
    expect(status).toBe(200);
    expect(body).toEqual({ delivered: true, statusCode: 200, durationMs: expect.any(Number), response: 'thanks' });
    expect(receiver.received).toHaveLength(1);
    const [sent] = receiver.received;
    expect(sent).toMatchObject({ method: 'POST', path: '/hook?key=1', verified: true });
    expect(sent!.headers['x-api-key']).toBe('PLANTED-header-value');
    expect(sent!.body).toMatchObject({
      webhook: { schema: 'chat-session.completed/1', revision: 1, test: true },
      status: 'COMPLETED',
      organizationId: 'org1',
      tenantId: 't1',
      tenant: { id: 't1' },
      duration: 60_000, // milliseconds
      participants: [{ role: 'END_USER' }, { role: 'BOT' }, { role: 'AGENT' }],
      contacts: [{ fullName: 'Example User' }],
    });
  });

  it('reports a refusal, a time-out and a dead address with 200', async () => {
    const { id } = await endpoint();
    receiver.behave({ kind: 'status', status: 503, body: 'later' });
    expect((await test(id)).body).toMatchObject({ delivered: false, statusCode: 503, response: 'later' });
    receiver.behave({ kind: 'hang' });
    expect((await test(id)).body).toMatchObject({ delivered: false, code: 'timeout' });
    const dead = await fixture.create({ url: NOWHERE });
    expect((await test(dead.id)).body).toMatchObject({ delivered: false, code: 'ECONNREFUSED' });
  });

  it('adds nothing to the list of errors', async () => {
    const { id } = await endpoint();
    receiver.behave({ kind: 'status', status: 500 });
    await test(id);
    expect((await fixture.call('GET', `${PATH}/errors/${id}`)).body).toEqual([]);
  });
});

describe('an integration that is stopped', () => {
  const pendingFor = (id: number, n: number) => {
    const dueAt = new Date(Date.now() + HOUR_MS);
    const deliveries = [{ ...deliveryTo(webhookDestination(id)), dueAt, attempts: 1 }];
    return completionOf(`stopped-${id}-${n}`, { organizationId: 'org1', deliveries });
  };

  it.each<[string, (id: number) => Promise<{ status: number }>, RegExp]>([
    ['deleted', (id) => fixture.call('DELETE', `${PATH}/${id}`), /removed/],
    [
      'disabled',
      (id) =>
        fixture.call('PUT', `${PATH}/${id}`, {
          token: TOKENS.colleague,
          body: { url: 'https://example.com/', tenants: ['t1'], enabled: false, errorEmailRecipients: [] },
        }),
      /disabled/,
    ],
  ])('has its pending deliveries cancelled when it was %s, with the reason', async (_, stop, reason) => {
    const [{ id }, { id: otherId }] = [await fixture.create(), await fixture.create()];
    await fixture.insert('completions', [pendingFor(id, 1), pendingFor(otherId, 1)]);
    expect((await stop(id)).status).toBeLessThan(300);
    const [stopped] = await fixture.stored('completions', { sessionId: `stopped-${id}-1` });
    expect(stopped).toMatchObject({
      open: false,
      deliveries: [{ state: 'cancelled', reason: expect.stringMatching(reason) }],
    });
    const [other] = await fixture.stored('completions', { sessionId: `stopped-${otherId}-1` });
    expect(other).toMatchObject({ open: true, deliveries: [{ state: 'pending' }] });
  });
});
