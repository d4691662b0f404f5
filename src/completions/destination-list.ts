import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { Clock } from '../persistence/clock.js';
import { type CircuitState, circuitState } from './circuit-states.js';
import { CHANNELS, serviceOf } from './delivery.js';
import { type Destination, DESTINATION } from './destination.schema.js';

const SERVICES = CHANNELS.flatMap((channel) => serviceOf(channel) ?? []);
/** Bounds that hold dates alone: in the index those without a due time come first. */
const SOME_TIME = { $gte: new Date(0) };

export interface ListedDestination {
  destination: string;
  /** Nothing of it is due before. Absent: nothing is pending. */
  nextDueAt?: Date;
  /** Its own, or its service's where that alone is open. */
  circuit: CircuitState;
}

/** Lists destinations for the operators. */
@Injectable()
export class DestinationList {
  constructor(
    @InjectModel(DESTINATION) private readonly destinations: Model<Destination>,
    private readonly clock: Clock,
  ) {}

  /**
   * Those with something pending or an open circuit: the platform's services first, whose circuit holds back every tenant,
   * then by due time, the longest due first, then those of which nothing is pending.
   */
  async list(limit: number): Promise<ListedDestination[]> {
    const services = await this.destinations
      .find({ _id: { $in: SERVICES }, openUntil: SOME_TIME })
      .lean<Destination[]>();
    const pending = await this.pending(Math.max(1, limit - services.length)).lean<Destination[]>();
    const first = [...services, ...pending];
    const left = limit - first.length;
    const idle = left > 0 ? await this.openAndIdle(left).lean<Destination[]>() : [];
    const circuits = new Map(services.map((service) => [service._id, service]));
    const now = this.clock.now();
    return [...first, ...idle].slice(0, limit).map((one) => ({
      destination: one._id,
      ...(one.nextDueAt && { nextDueAt: one.nextDueAt }),
      circuit: circuitState(one, circuits.get(serviceOf(one._id) ?? ''), now),
    }));
  }

  /** One of the queries behind `list`, for its `explain`. */
  pending(limit: number) {
    return this.destinations.find({ nextDueAt: SOME_TIME }).sort({ nextDueAt: 1 }).limit(limit);
  }

  /**
   * As `pending`; asked where those with something pending are fewer than wanted, so that it passes over as few of them.
   * The next to be probed first.
   */
  openAndIdle(limit: number) {
    const idle = { openUntil: SOME_TIME, nextDueAt: { $exists: false }, _id: { $nin: SERVICES } };
    return this.destinations.find(idle).sort({ openUntil: 1 }).limit(limit).hint('open-circuits');
  }
}
