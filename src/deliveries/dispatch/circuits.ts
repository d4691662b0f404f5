import { Injectable, Logger } from '@nestjs/common';
import { channelOf, serviceOf } from '../../completions/delivery.js';
import { DestinationRepository } from '../../completions/destination.repository.js';
import type { Destination } from '../../completions/destination.schema.js';
import { DueAlarm } from '../../completions/due-alarm.js';
import type { DeliveryResult } from '../../completions/transitions.js';
import { Config } from '../../config/config.js';
import { Clock } from '../../persistence/clock.js';
import { DeliveryEvents } from '../delivery-events.js';
import { afterAttempt, type Circuit, closedCircuit, healthOf, openedCircuit } from './circuit.js';
import { isUnreachable, ServiceOutage } from './service-outage.js';

/** How much longer than the first retry a circuit stays open when it opens for the first time. */
const OPEN_FACTOR = 6;
/** Of every destination that nothing is known of. */
const UNKNOWN: Readonly<Circuit> = Object.freeze(closedCircuit());

/**
 * The circuit breakers of all destinations, and one for each channel of the platform's own services, which opens when
 * that service cannot be reached at all. This process acts at once on what it sees itself, and tells the other replicas
 * of openings and closings through the collection `destinations`, which their retry workers read.
 */
@Injectable()
export class Circuits {
  private readonly logger = new Logger(Circuits.name);
  private readonly circuits = new Map<string, Circuit>();
  private readonly outages = new Map<string, ServiceOutage>();
  /** Which destination's delivery probes a service, by the service's name. */
  private readonly probes = new Map<string, string>();

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly destinations: DestinationRepository,
    private readonly alarm: DueAlarm,
    private readonly events: DeliveryEvents,
  ) {}

  /** The circuit of a destination: that of its service while it is not closed. */
  of(destination: string): Readonly<Circuit> {
    const service = serviceOf(destination);
    const shared = service === undefined ? UNKNOWN : this.known(service);
    if (shared.state === 'closed') return this.known(destination);
    const isProbe = shared.state === 'probing' && this.probes.get(service!) === destination;
    return isProbe ? shared : { ...shared, state: 'open' };
  }

  /** Forgets a closed circuit without failures. */
  forget(destination: string): void {
    this.circuits.delete(destination);
  }

  /**
   * Takes in what a result says about the destination's health, and about that of its service.
   *
   * @param startedAt when the attempt began; epoch ms
   */
  note(destination: string, result: DeliveryResult, startedAt = Infinity): void {
    const health = healthOf(result, channelOf(destination));
    if (!health) return this.releaseProbe(destination, result.result === 'postponed' ? result.delayMs : 0);
    this.noteService(destination, result);
    const { baseOpenMs } = this;
    this.change(destination, afterAttempt(this.known(destination), health, this.clock.now(), baseOpenMs, startedAt));
  }

  /**
   * Lets another probe go: the one there was had no outcome (cancelled, not prepared, given back), and the right to
   * probe would be idle until its lease has passed. Does nothing unless this process is probing.
   */
  releaseProbe(destination: string, afterMs = 0): void {
    const service = serviceOf(destination);
    if (service !== undefined && this.probes.get(service) === destination) this.release(service, afterMs);
    this.release(destination, afterMs);
  }

  /**
   * Brings the local circuit in line with what the replicas agreed on.
   *
   * @param probeUntil until when this process alone may probe, if it may
   * @param services the services whose circuit is open
   * @returns whether deliveries of the destination may be claimed now
   */
  async admit(destination: Destination, probeUntil: Date, services: readonly Destination[] = []): Promise<boolean> {
    const service = serviceOf(destination._id);
    if (service !== undefined) {
      const shared = services.find(({ _id }) => _id === service) ?? { _id: service, version: 0 };
      const mayProbe = this.known(service).state !== 'probing' || this.probes.get(service) === destination._id;
      if (!mayProbe || !(await this.admitOne(shared, probeUntil))) return false;
      if (this.known(service).state === 'probing') this.probes.set(service, destination._id);
    }
    return this.admitOne(destination, probeUntil);
  }

  private async admitOne(destination: Destination, probeUntil: Date): Promise<boolean> {
    const { _id, openUntil, openings = 1, failures = 0 } = destination;
    const local = this.known(_id);
    if (!openUntil) {
      if (local.state === 'open') this.circuits.set(_id, closedCircuit(Date.now()));
      return true;
    }
    if (local.state === 'probing') return true; // its own probe has not come back
    if (openUntil.getTime() > this.clock.now()) return false;
    if (!(await this.destinations.takeProbe(destination, probeUntil))) return false;
    this.circuits.set(_id, { state: 'probing', failures, openings, openUntil: 0, since: Date.now() });
    return true;
  }

  private noteService(destination: string, result: DeliveryResult): void {
    const service = serviceOf(destination);
    if (service === undefined) return;
    const before = this.known(service);
    if (before.state === 'probing' && this.probes.get(service) === destination) {
      const health = isUnreachable(result) ? 'unwell' : 'well';
      this.probes.delete(service);
      return this.change(service, afterAttempt(before, health, this.clock.now(), this.baseOpenMs));
    }
    let outage = this.outages.get(service);
    if (!outage) this.outages.set(service, (outage = new ServiceOutage()));
    const away = outage.note(destination, result);
    if (away && before.state === 'closed') this.change(service, openedCircuit(before, this.clock.now(), this.baseOpenMs)); // prettier-ignore
  }

  private change(id: string, after: Readonly<Circuit>): void {
    const before = this.known(id);
    if (after === before) return;
    this.circuits.set(id, after);
    if (after.state === 'open' && before.state !== 'open') this.opened(id, after);
    else if (after.state === 'closed' && before.state !== 'closed') this.closed(id);
  }

  private release(id: string, afterMs: number): void {
    const before = this.known(id);
    if (before.state !== 'probing') return;
    this.probes.delete(id);
    const openUntil = this.clock.now() + afterMs;
    const open: Circuit = { ...before, state: 'open', openUntil };
    this.circuits.set(id, open);
    this.save(id, open);
  }

  /** Sets the retry worker's alarm for the next probe, which is sooner than `openUntil` where somebody asked for it. */
  private save(id: string, { openUntil, openings, failures }: Readonly<Circuit>): void {
    const until = new Date(openUntil);
    const saved = this.destinations.openCircuit(id, { until, openings, failures }, new Date(this.clock.now()));
    this.logFailure(saved.then((probeFrom) => this.alarm.setFor(probeFrom)));
  }

  private known(id: string): Readonly<Circuit> {
    return this.circuits.get(id) ?? UNKNOWN;
  }

  private get baseOpenMs(): number {
    return (this.config.retryScheduleMs[0] ?? 5_000) * OPEN_FACTOR;
  }

  private opened(destination: string, circuit: Readonly<Circuit>): void {
    const { failures, openUntil } = circuit;
    this.logger.warn({ destination, failures, probeAt: new Date(openUntil) }, 'circuit.opened');
    this.events.onCircuit('opened');
    this.save(destination, circuit);
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
