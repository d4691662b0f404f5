import { stubOf } from '../../test/support/stub.js';
import type { IntegrationRepository } from '../integrations/integration.repository.js';
import type { Integration } from '../integrations/integration.schema.js';
import type { IntegrationEvent } from '../notifications/integration-event.js';
import type { IntegrationNotifications } from '../notifications/integration-notifications.js';
import { Clock } from '../persistence/clock.js';
import { newDelivery } from '../completions/transitions.js';
import { IntegrationHealth } from './integration-health.js';
import { Redelivery } from '../completions/redelivery.js';
import type { DeliveryResult } from '../completions/transitions.js';

const START = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const SETTLED = newDelivery('webhook:1', { token: 'l1', until: new Date(START) });

class MovableClock extends Clock {
  at = START + 0.5; // the real one is not whole, either
  override now(): number {
    return this.at;
  }
}

/** The database's one integration, and what was done to it. */
class World {
  readonly clock = new MovableClock();
  readonly events: string[] = [];
  readonly cancelled: string[] = [];
  integration = { id: 1, organizationId: 'org1', enabled: true } as Integration;
  writes = 0;
  private readonly repository: Pick<IntegrationRepository, 'disable' | 'findById' | 'noteFailure' | 'noteSuccess'> = {
    disable: (_id, disabledReason, disabledAt) => {
      if (!this.integration.enabled) return Promise.resolve(false);
      this.integration = { ...this.integration, enabled: false, disabledReason, disabledAt };
      return Promise.resolve(true);
    },
    findById: () => Promise.resolve(this.integration),
    noteFailure: (_id, at) => {
      this.writes++;
      this.integration = { ...this.integration, failingSince: this.integration.failingSince ?? at };
      return Promise.resolve(this.integration.failingSince!);
    },
    noteSuccess: () => {
      this.writes++;
      const { failingSince, ...rest } = this.integration;
      this.integration = rest;
      return Promise.resolve(failingSince ?? null);
    },
  };

  /** One more process. */
  replica(): IntegrationHealth {
    const notifications = {
      record: ({ kind, count, code }: IntegrationEvent) => {
        this.events.push([kind, count, code].filter(Boolean).join(' '));
        return Promise.resolve();
      },
    };
    const redelivery = stubOf(Redelivery, {
      cancel: (_id, reason) => Promise.resolve(this.cancelled.push(reason)),
    });
    return new IntegrationHealth(
      this.clock,
      this.repository as IntegrationRepository,
      notifications as IntegrationNotifications,
      redelivery,
    );
  }
}

const failure = (code = 'http_503'): DeliveryResult => ({ result: 'failed', code, message: 'no', durationMs: 1, retryable: true }); // prettier-ignore
const success: DeliveryResult = { result: 'delivered', statusCode: 200, durationMs: 1 };

describe('IntegrationHealth', () => {
  let world: World;
  let health: IntegrationHealth;

  beforeEach(() => {
    world = new World();
    health = world.replica();
  });

  /** The background work of a note is done when the promises of the fakes are. */
  const note = async (
    result: DeliveryResult,
    { by = health, integration = world.integration, settled = SETTLED } = {},
  ) => {
    by.note(integration, result, settled);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };

  it('writes nothing while all goes well', async () => {
    for (let n = 0; n < 5; n++) await note(success);
    expect([world.writes, world.events]).toEqual([0, []]);
  });

  it('tells of the first failure once, however many replicas see failures', async () => {
    const known = world.integration;
    await note(failure(), { integration: known });
    await note(failure(), { integration: known });
    world.clock.at += 60_000;
    await note(failure(), { integration: known, by: world.replica() });
    await note(failure());
    expect(world.events).toEqual(['first-failure http_503']);
    expect(world.integration.failingSince).toEqual(new Date(START));
  });

  it('notes a failure again after a success that another replica saw', async () => {
    await note(failure());
    await note(success, { by: world.replica() });
    world.clock.at += 60_000;
    await note(failure());
    expect(world.events).toEqual(['first-failure http_503', 'recovered', 'first-failure http_503']);
    expect(world.integration.failingSince).toEqual(new Date(START + 60_000));
  });

  it('disables after five days, by what the database says and not by what it remembers', async () => {
    await note(failure());
    const remembered = world.integration;
    await note(success, { by: world.replica() });
    world.clock.at += 5 * DAY_MS;
    await note(failure(), { integration: remembered });
    expect(world.integration.enabled).toBe(true);

    world.integration = { ...world.integration, failingSince: new Date(START) };
    await note(failure());
    expect(world.integration).toMatchObject({ enabled: false, disabledReason: 'failing_for_days' });
    expect(world.cancelled).toEqual([expect.stringContaining('failed for 5 days')]);
    await health.onModuleDestroy();
  });

  it('disables at 410 once, and cancels also the deliveries of intents of that moment', async () => {
    await note(failure('http_410'));
    await note(failure('http_410'));
    expect(world.events).toEqual(['disabled http_410']);
    await health.onModuleDestroy();
    expect(world.cancelled).toEqual(Array(2).fill(expect.stringContaining('410 Gone')));
  });

  it('cancels nothing once an administrator has enabled the integration again', async () => {
    await note(failure('http_410'));
    world.integration = { ...world.integration, enabled: true };
    await health.onModuleDestroy();
    expect(world.cancelled).toHaveLength(1);
  });

  it('tells of several dead deliveries together, also at a stop, those without an attempt included', async () => {
    const dead = { ...SETTLED, state: 'dead' as const };
    await note(failure(), { settled: dead });
    await note({ result: 'impossible', code: 'session_gone', message: 'gone' }, { settled: dead });
    await health.onModuleDestroy();
    expect(world.events).toEqual(['first-failure http_503', 'dead 2 session_gone']);
  });
});
