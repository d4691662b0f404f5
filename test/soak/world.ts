import type { Expected } from '../world/arrivals.js';
import { type Hook, LoadWorld } from '../world/load-world.js';
import type { PlainBehavior } from '../world/receivers/behavior.js';
import type { ServiceProcess } from '../world/service/service-process.js';

export const TENANTS = 100;
export const HOOKS_PER_TENANT = 2;
/** Pause between two session checks: a sixtieth of the documented five minutes. */
export const CHECK_INTERVAL_MS = 5_000;
/** The least that can be set. */
export const RETENTION_DAYS = 1;

const SHAPE = {
  tenants: TENANTS,
  hooksPerTenant: HOOKS_PER_TENANT,
  analyses: true,
  thresholdSeconds: 1,
  webhookPorts: 1, // connections are kept by origin: those of all hooks together show whether any is left open
};

export interface SoakWorldOptions {
  /** Milliseconds that slow endpoints take to answer. */
  slowMs: number;
  /** Folder of the repository whose `dist` is run; by default this one. */
  root?: string;
}

/** The world for loads, in which one endpoint in a hundred answers 500, for ever, and one in ten is slow. */
export class SoakWorld {
  readonly failing: readonly Hook[];

  private constructor(
    readonly load: LoadWorld,
    readonly service: ServiceProcess,
  ) {
    this.failing = load.hooks.filter(isFailing);
  }

  static use<T>({ slowMs, root }: SoakWorldOptions, work: (world: SoakWorld) => Promise<T>): Promise<T> {
    return LoadWorld.use({ ...SHAPE, ...(root ? { root } : {}) }, async (load) => {
      const behaves = (hooks: readonly Hook[], behavior: PlainBehavior) =>
        hooks.map(({ id }): [string, PlainBehavior] => [`webhook:${id}`, behavior]);
      const destinations = [
        ...behaves(load.hooks.filter(isSlow), { kind: 'delay', ms: slowMs }),
        ...behaves(load.hooks.filter(isFailing), { kind: 'status', status: 500 }),
      ];
      await load.receivers.call('behave', { destinations });
      const service = await load.startService({
        CHAT_SESSION_CHECK_INTERVAL_IN_MINS: String(CHECK_INTERVAL_MS / 60_000),
        DELIVERY_RETENTION_IN_DAYS: String(RETENTION_DAYS),
      });
      return work(new SoakWorld(load, service));
    });
  }

  /** What must arrive; failing endpoints aside. */
  expected(): Promise<Expected> {
    return this.load.expected(this.load.hooks.filter((hook) => !isFailing(hook)));
  }

  /** What failing endpoints would have to accept. */
  expectedAtFailing(): Promise<Expected> {
    return this.load.expectedAtHooks(this.failing);
  }
}

function isFailing({ id }: Hook): boolean {
  return id % 100 === 1;
}

function isSlow({ id }: Hook): boolean {
  return id % 10 === 5;
}
