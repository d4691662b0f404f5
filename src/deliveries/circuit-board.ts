import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import { afterAttempt, closedCircuit, healthOf } from './circuit.js';
import { DeliveryEvents } from './delivery-events.js';
import { type Destination, DestinationRepository } from './destination.repository.js';
import { Dispatcher } from './dispatcher.js';
import type { DeliveryResult } from './settlement.js';

/** How much longer than the first retry a destination rests when its circuit opens for the first time. */
const REST_FACTOR = 6;

/**
 * The circuits of all destinations: this process acts on what it sees itself at once, and tells the other replicas of
 * openings and closings through the destinations collection, which their lanes read.
 */
@Injectable()
export class CircuitBoard {
  /** Called when a circuit opened, with the time (epoch ms, Clock) at which it may be probed. */
  onOpened: (until: Date) => void = () => undefined;

  private readonly logger = new Logger(CircuitBoard.name);

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly dispatcher: Dispatcher,
    private readonly destinations: DestinationRepository,
    private readonly events: DeliveryEvents,
  ) {}

  /** Takes in what a result says about the destination's health. */
  note(destination: string, result: DeliveryResult): void {
    const health = healthOf(result);
    if (!health) return this.probeAgain(destination, result.result === 'postponed' ? result.delayMs : 0);
    const before = this.dispatcher.circuit(destination);
    const baseOpenMs = (this.config.retryScheduleMs[0] ?? 5_000) * REST_FACTOR;
    const after = afterAttempt(before, health, this.clock.now(), baseOpenMs);
    if (after === before) return;
    this.dispatcher.setCircuit(destination, after);
    if (after.state === 'open' && before.state !== 'open') {
      const until = new Date(after.openUntil);
      this.logger.warn({ destination, failures: after.failures, probeAt: until }, 'circuit.opened');
      this.events.onCircuit('opened');
      this.save(this.destinations.openCircuit(destination, until, after.openings));
      this.onOpened(until);
    } else if (after.state === 'closed' && before.state !== 'closed') {
      this.logger.log({ destination }, 'circuit.closed');
      this.events.onCircuit('closed');
      this.save(this.destinations.closeCircuit(destination));
    }
  }

  /**
   * Lets another probe go: the one there was came to nothing (not owed any more, not prepared, given back), and the
   * right to probe would lie idle until its lease has passed. Does nothing unless this process is probing.
   */
  probeAgain(destination: string, afterMs = 0): void {
    const before = this.dispatcher.circuit(destination);
    if (before.state !== 'probing') return;
    const until = new Date(this.clock.now() + afterMs);
    this.dispatcher.setCircuit(destination, { ...before, state: 'open', openUntil: until.getTime() });
    this.save(this.destinations.openCircuit(destination, until, before.openings).then(() => this.onOpened(until)));
  }

  /**
   * Brings the local circuit in line with what the replicas agreed on.
   *
   * @param probeUntil until when this process alone may probe, if it may
   * @returns whether deliveries of the destination may be claimed now
   */
  async admit(destination: Destination, probeUntil: Date): Promise<boolean> {
    const local = this.dispatcher.circuit(destination._id);
    if (!destination.openUntil) {
      if (local.state === 'open') this.dispatcher.setCircuit(destination._id, { ...closedCircuit(), limit: 1 });
      return true;
    }
    if (local.state === 'probing') return true; // its own probe has not come back
    if (!(await this.destinations.takeProbe(destination, probeUntil))) return false;
    const openings = destination.openings ?? 1;
    this.dispatcher.setCircuit(destination._id, { ...closedCircuit(), state: 'probing', limit: 1, openings });
    return true;
  }

  /** A circuit that is not saved is only unknown to the other replicas: they find out for themselves. */
  private save(write: Promise<void>): void {
    write.catch((error: Error) => this.logger.warn({ reason: error.message }, 'circuit.not-saved'));
  }
}
