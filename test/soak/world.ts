import type { Expected } from '../world/arrivals.js';
import { type Hook, LoadWorld } from '../world/load-world.js';
import type { PlainBehavior } from '../world/receivers/behavior.js';
import type { ServiceProcess } from '../world/service/service-process.js';
import { isFailing, type Mix } from './mixes.js';

/** Pause between two session checks: a sixtieth of the documented five minutes. */
export const CHECK_INTERVAL_MS = 5_000;
/** The least that can be set. */
export const RETENTION_DAYS = 1;

const SHAPE = {
  analyses: true,
  thresholdSeconds: 1,
  webhookPorts: 1, // connections are kept by origin: those of all hooks together show whether any is left open
};

export interface SoakWorldOptions {
  mix: Mix;
  /** Milliseconds that slow endpoints take to answer. */
  slowMs: number;
  /** Folder of the repository whose `dist` is run; by default this one. */
  root?: string;
}

/** The world for loads, with the endpoints of a mix. */
export class SoakWorld {
  /** Those that accept nothing. */
  readonly failing: readonly Hook[];
  private readonly working: readonly Hook[];

  private constructor(
    readonly load: LoadWorld,
    readonly service: ServiceProcess,
    { mix, slowMs }: SoakWorldOptions,
  ) {
    const fails = ({ id }: Hook) => isFailing(mix.behaviorOf(id, slowMs));
    this.failing = load.hooks.filter(fails);
    this.working = load.hooks.filter((hook) => !fails(hook));
  }

  static use<T>(options: SoakWorldOptions, work: (world: SoakWorld) => Promise<T>): Promise<T> {
    const { mix, slowMs, root } = options;
    const { tenants, hooksPerTenant } = mix;
    return LoadWorld.use({ ...SHAPE, tenants, hooksPerTenant, ...(root ? { root } : {}) }, async (load) => {
      const destinations = load.hooks.flatMap(({ id }): [string, PlainBehavior][] => {
        const behavior = mix.behaviorOf(id, slowMs);
        return behavior ? [[`webhook:${id}`, behavior]] : [];
      });
      await load.receivers.call('behave', { destinations });
      const service = await load.startService({
        CHAT_SESSION_CHECK_INTERVAL_IN_MINS: String(CHECK_INTERVAL_MS / 60_000),
        DELIVERY_RETENTION_IN_DAYS: String(RETENTION_DAYS),
      });
      return work(new SoakWorld(load, service, options));
    });
  }

  /** What must arrive; failing endpoints aside. */
  expected(): Promise<Expected> {
    return this.load.expected(this.working);
  }

  /** What failing endpoints would have to accept. */
  expectedAtFailing(): Promise<Expected> {
    return this.load.expectedAtHooks(this.failing);
  }
}
