import { Injectable, Logger } from '@nestjs/common';
import { DestinationRepository } from '../../completions/destination.repository.js';
import type { Destination } from '../../completions/destination.schema.js';
import { DueAlarm } from '../../completions/due-alarm.js';
import type { DeliveryResult } from '../../completions/transitions.js';
import { Config } from '../../config/config.js';
import { Clock } from '../../persistence/clock.js';
import { DeliveryEvents } from '../delivery-events.js';
import { afterAttempt, type Circuit, closedCircuit, healthOf } from './circuit.js';

/** How much longer than the first retry a circuit stays open when it opens for the first time. */
const OPEN_FACTOR = 6;
/** Of every destination that nothing is known of. */
const UNKNOWN: Readonly<Circuit> = Object.freeze(closedCircuit());

/**
 * The circuit breakers of all destinations. This process acts at once on what it sees itself, and tells the other
 * replicas of openings and closings through the collection `destinations`, which their retry workers read.
 */
@Injectable()
export class Circuits {
  private readonly logger = new Logger(Circuits.name);
  private readonly circuits = new Map<string, Circuit>();

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly destinations: DestinationRepository,
    private readonly alarm: DueAlarm,
    private readonly events: DeliveryEvents,
  ) {}

  of(destination: string): Readonly<Circuit> {
    return this.circuits.get(destination) ?? UNKNOWN;
  }

  /** Forgets a closed circuit without failures: a destination that has nothing to do is ramped up anew. */
  forget(destination: string): void {
    this.circuits.delete(destination);
  }

  /** Takes in what a result says about the destination's health. */
  note(destination: string, result: DeliveryResult): void {
    const health = healthOf(result);
    if (!health) return this.releaseProbe(destination, result.result === 'postponed' ? result.delayMs : 0);
    const before = this.of(destination);
    const baseOpenMs = (this.config.retryScheduleMs[0] ?? 5_000) * OPEN_FACTOR;
    const after = afterAttempt(before, health, this.clock.now(), baseOpenMs);
    if (after === before) return;
    this.circuits.set(destination, after);
    if (after.state === 'open' && before.state !== 'open') this.opened(destination, after);
    else if (after.state === 'closed' && before.state !== 'closed') this.closed(destination);
  }

  /**
   * Lets another probe go: the one there was had no outcome (cancelled, not prepared, given back), and the right to
   * probe would be idle until its lease has passed. Does nothing unless this process is probing.
   */
  releaseProbe(destination: string, afterMs = 0): void {
    const before = this.of(destination);
    if (before.state !== 'probing') return;
    const until = new Date(this.clock.now() + afterMs);
    this.circuits.set(destination, { ...before, state: 'open', openUntil: until.getTime() });
    const saved = this.destinations.openCircuit(destination, until, before.openings);
    this.logFailure(saved.then(() => this.alarm.setFor(until)));
  }

  /**
   * Brings the local circuit in line with what the replicas agreed on.
   *
   * @param probeUntil until when this process alone may probe, if it may
   * @returns whether deliveries of the destination may be claimed now
   */
  async admit(destination: Destination, probeUntil: Date): Promise<boolean> {
    const { _id, openUntil, openings = 1 } = destination;
    const local = this.of(_id);
    if (!openUntil) {
      if (local.state === 'open') this.circuits.set(_id, { ...closedCircuit(), limit: 1 });
      return true;
    }
    if (local.state === 'probing') return true; // its own probe has not come back
    if (!(await this.destinations.takeProbe(destination, probeUntil))) return false;
    this.circuits.set(_id, { ...closedCircuit(), state: 'probing', limit: 1, openings });
    return true;
  }

  private opened(destination: string, { openUntil, failures, openings }: Circuit): void {
    const until = new Date(openUntil);
    this.logger.warn({ destination, failures, probeAt: until }, 'circuit.opened');
    this.events.onCircuit('opened');
    this.logFailure(this.destinations.openCircuit(destination, until, openings));
    this.alarm.setFor(until);
  }

  private closed(destination: string): void {
    this.logger.log({ destination }, 'circuit.closed');
    this.events.onCircuit('closed');
    this.logFailure(this.destinations.closeCircuit(destination));
  }

  /** A circuit that is not saved is only unknown to the other replicas: they find out for themselves. */
  private logFailure(write: Promise<void>): void {
    write.catch((error: Error) => this.logger.warn({ reason: error.message }, 'circuit.not-saved'));
  }
}
