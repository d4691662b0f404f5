import { Injectable } from '@nestjs/common';
import { Clock } from '../persistence/clock.js';
import { serviceOf } from './delivery.js';
import { type CircuitFields, DestinationRepository } from './destination.repository.js';
import { largestOf } from './found-limits.js';

/** A destination's circuit as the database knows it, so that all replicas tell the same. */
export interface CircuitState {
  state: 'closed' | 'open';
  /** Consecutive failures: when it opened and of its probes since; while closed, those of a replica lately. */
  failures: number;
  /** From then on the next delivery that is due is sent as the probe. Absent while closed and while a probe is under way. */
  nextProbeAt?: Date;
  /** The largest number of attempts at once that any replica found in the last ten seconds. */
  limit?: number;
}

/** Shows the circuits of destinations. */
@Injectable()
export class CircuitStates {
  constructor(
    private readonly destinations: DestinationRepository,
    private readonly clock: Clock,
  ) {}

  /**
   * One query for all of them.
   *
   * @returns the circuit of each, which is its service's where its own is closed and that is open
   */
  async of(destinations: readonly string[]): Promise<(destination: string) => CircuitState> {
    const found = destinations.length === 0 ? [] : await this.destinations.circuitsOf([...new Set(destinations)]);
    const byId = new Map(found.map((one) => [one._id, one]));
    const now = this.clock.now();
    return (destination) => {
      const service = serviceOf(destination);
      return circuitState(byId.get(destination), service === undefined ? undefined : byId.get(service), now);
    };
  }

  async ofOne(destination: string): Promise<CircuitState> {
    return (await this.of([destination]))(destination);
  }
}

/**
 * @param service the circuit of the destination's service, through which an attempt must come as well
 * @param now epoch milliseconds of the database's clock
 */
export function circuitState(
  own: CircuitFields | undefined,
  service: CircuitFields | undefined,
  now: number,
): CircuitState {
  const limit = largestOf(own?.limits, now);
  const open = [own, service].filter((one) => one?.openUntil !== undefined) as (CircuitFields & { openUntil: Date })[];
  const waits = open.filter(({ probing, openUntil }) => !probing || openUntil.getTime() <= now);
  const nextProbeAt = Math.max(...waits.map(({ openUntil }) => openUntil.getTime()));
  return {
    state: open.length > 0 ? 'open' : 'closed',
    failures: (open[0] ?? own)?.failures ?? 0,
    ...(waits.length > 0 && { nextProbeAt: new Date(nextProbeAt) }),
    ...(limit !== undefined && { limit }),
  };
}
