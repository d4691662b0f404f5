import type { Channel } from '../../completions/delivery.js';
import type { Config } from '../../config/config.js';

/** Of a pool that tenants share, one of them gets this part at most while another one waits. */
const SHARE = 1 / 8;
/** Lanes that no quick answer is known of get this part of a pool at most, but this many attempts: they may hang. */
const UNPROVEN_SHARE = 1 / 2;
const UNPROVEN_AT_LEAST = 4;
/** Slow attempts under way, as a multiple of the pool's size, before slow lanes start no more. */
const SLOW_FACTOR = 4;

/** What a pool knows of a lane. */
export interface PoolLane {
  readonly tenant: string;
  readonly isSlow: boolean;
  readonly isProven: boolean;
}

/** How an attempt counts in the pools of its lane. */
export interface PoolUse {
  slow: boolean;
  /** Begun before its lane had given a quick answer. */
  unproven: boolean;
}

/**
 * Attempts that may be under way together: over all destinations, or over those of one of the platform's services. An
 * attempt that is slow counts against a limit of its own, four times as large, so that the others are served meanwhile.
 */
export class Pool {
  fast = 0;
  slow = 0;
  /** Lanes that have a job to start and room for it. */
  readonly ready = new Set<PoolLane>();
  private unproven = 0;
  private readonly running = { fast: new Map<string, number>(), slow: new Map<string, number>() };

  /** @param shared whether no tenant gets more than an eighth while another one waits */
  constructor(
    private readonly size: number,
    private readonly shared: boolean,
  ) {}

  get isSlowFull(): boolean {
    return this.slow >= this.size * SLOW_FACTOR;
  }

  hasRoomFor(lane: PoolLane): boolean {
    if (lane.isSlow) return !this.isSlowFull && this.isFair(lane, this.size * SLOW_FACTOR);
    if (this.fast >= this.size || !this.isFair(lane, this.size)) return false;
    return lane.isProven || this.unproven < Math.max(UNPROVEN_AT_LEAST, this.size * UNPROVEN_SHARE);
  }

  begin(tenant: string, { slow, unproven }: PoolUse): void {
    this.count(slow ? 'slow' : 'fast', tenant, 1);
    if (!slow && unproven) this.unproven++;
  }

  end(tenant: string, { slow, unproven }: PoolUse): void {
    this.count(slow ? 'slow' : 'fast', tenant, -1);
    if (!slow && unproven) this.unproven--;
  }

  private count(kind: 'fast' | 'slow', tenant: string, change: 1 | -1): void {
    this[kind] += change;
    if (!this.shared) return;
    const counts = this.running[kind];
    const count = (counts.get(tenant) ?? 0) + change;
    if (count === 0) counts.delete(tenant);
    else counts.set(tenant, count);
  }

  private isFair(lane: PoolLane, size: number): boolean {
    if (!this.shared) return true;
    const taken = this.running[lane.isSlow ? 'slow' : 'fast'].get(lane.tenant) ?? 0;
    return taken < Math.max(1, Math.floor(size * SHARE)) || !this.anotherWaits(lane);
  }

  private anotherWaits({ tenant, isSlow }: PoolLane): boolean {
    for (const other of this.ready) if (other.tenant !== tenant && other.isSlow === isSlow) return true;
    return false;
  }
}

/** The pools of this process: of all attempts, and of those to each of the platform's services. */
export class Pools {
  readonly all: Pool;
  private readonly publisher: Pool;
  private readonly analysis: Pool;

  constructor(config: Pick<Config, 'deliveryConcurrency' | 'flowTriggerConcurrency' | 'analysisConcurrency'>) {
    this.all = new Pool(config.deliveryConcurrency, false);
    this.publisher = new Pool(config.flowTriggerConcurrency, true);
    this.analysis = new Pool(config.analysisConcurrency, true);
  }

  /** @returns those whose limits attempts of this channel count against */
  of(channel: Channel): Pool[] {
    if (channel === 'flow' || channel === 'surveys') return [this.all, this.publisher];
    return channel === 'analysis' ? [this.all, this.analysis] : [this.all];
  }
}
