import fc from 'fast-check';
import { completionId } from './completion.js';
import { channelOf, idempotencyKey, integrationIdOf, webhookDestination } from './delivery.js';

const UUID = '0b7bd26a-9f2e-4dd1-9c7e-0d7e7f5d2b11';

describe('completionId', () => {
  it('is the session id, with the revision from the second on', () => {
    expect(completionId(UUID, 1)).toBe(UUID);
    expect(completionId(UUID, 2)).toBe(`${UUID}:2`);
  });
});

describe('idempotencyKey', () => {
  it('is readable, and another for each revision and integration', () => {
    expect(idempotencyKey(UUID, 7)).toBe(`${UUID}:7`);
    const keys = [
      idempotencyKey(UUID, 7),
      idempotencyKey(UUID, 8),
      idempotencyKey(completionId(UUID, 2), 7),
      idempotencyKey(completionId(UUID, 2), 8),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('fits a header whatever the session is called, and is the same every time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), fc.nat(), (id, integrationId) => {
        const key = idempotencyKey(id, integrationId);
        expect(key).toMatch(/^[\w:-]{1,200}$/);
        expect(idempotencyKey(id, integrationId)).toBe(key);
      }),
    );
  });

  it('keeps two long ids apart that begin alike', () => {
    const long = 'x'.repeat(250);
    expect(idempotencyKey(`${long}a`, 1)).not.toBe(idempotencyKey(`${long}b`, 1));
  });
});

describe('a destination', () => {
  it('has its channel as its first word', () => {
    const channels = ['flow:t1', 'surveys:t:1', 'analysis:webhook:1', 'webhook:1', 'flow::'].map((destination) =>
      channelOf(destination),
    );
    expect(channels).toEqual(['flow', 'surveys', 'analysis', 'webhook', 'flow']);
  });

  it('names the integration, if it is a webhook', () => {
    expect(integrationIdOf(webhookDestination(7))).toBe(7);
    expect([integrationIdOf('flow:1'), integrationIdOf('surveys:webhook:1')]).toEqual([undefined, undefined]);
  });
});
