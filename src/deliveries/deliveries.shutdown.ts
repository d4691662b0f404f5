import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { HeldWork } from '../completions/held-work.js';
import { OutcomeWriter } from '../completions/outcome-writer.js';
import { Heartbeat } from '../persistence/heartbeat.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { FirstAttempts } from './first-attempts.js';

/** The process must be gone ten seconds after SIGTERM. */
const FINISH_MS = 6_000;
const WRITE_MS = 2_000;
const LEAVE_MS = 1_000;
const LOOK_AGAIN_MS = 20;

/**
 * The last step of a graceful stop, after the session check and the retry worker have stopped submitting: attempts that
 * run are waited for, outcomes are written. Then the process leaves the members, and what it still holds is free: another
 * process or the next start makes an attempt that takes longer again at once, under the same id.
 */
@Injectable()
export class DeliveriesShutdown implements BeforeApplicationShutdown {
  private readonly logger = new Logger(DeliveriesShutdown.name);

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly firstAttempts: FirstAttempts,
    private readonly writer: OutcomeWriter,
    private readonly held: HeldWork,
    private readonly heartbeat: Heartbeat,
  ) {}

  async beforeApplicationShutdown(): Promise<void> {
    const end = Date.now() + FINISH_MS;
    while (this.dispatcher.inFlight > 0 && Date.now() < end) await delay(LOOK_AGAIN_MS);
    this.firstAttempts.writeAll();
    await Promise.race([this.writer.flush(), delay(WRITE_MS, undefined, { ref: false })]);
    const left = this.leave().catch((e: Error) => this.logger.warn({ reason: e.message }, 'deliveries.not-freed'));
    await Promise.race([left, delay(LEAVE_MS, undefined, { ref: false })]);
    this.logger.log({ unfinished: this.dispatcher.inFlight }, 'deliveries.stopped');
  }

  /** In this order: it starts nothing more, frees what it holds, and is a member until all of that is free. */
  private async leave(): Promise<void> {
    await this.heartbeat.stop();
    await this.held.freeOf(this.heartbeat.startId);
    await this.heartbeat.remove(this.heartbeat.startId);
  }
}
