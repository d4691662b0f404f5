import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { Dispatcher } from './dispatch/dispatcher.js';
import { FirstAttempts } from './first-attempts.js';
import { OutcomeWriter } from '../completions/outcome-writer.js';

/** The process must be gone ten seconds after SIGTERM. */
const FINISH_MS = 6_000;
const WRITE_MS = 2_000;
const LOOK_AGAIN_MS = 20;

/**
 * The last step of a graceful stop, after the session check and the retry worker have stopped submitting: attempts that
 * run are waited for, outcomes are written. An attempt that takes longer is left to its lease: another process or the
 * next start makes it again, under the same id.
 */
@Injectable()
export class DeliveriesShutdown implements BeforeApplicationShutdown {
  private readonly logger = new Logger(DeliveriesShutdown.name);

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly firstAttempts: FirstAttempts,
    private readonly writer: OutcomeWriter,
  ) {}

  async beforeApplicationShutdown(): Promise<void> {
    const end = Date.now() + FINISH_MS;
    while (this.dispatcher.inFlight > 0 && Date.now() < end) await delay(LOOK_AGAIN_MS);
    this.firstAttempts.writeAll();
    await Promise.race([this.writer.flush(), delay(WRITE_MS, undefined, { ref: false })]);
    this.logger.log({ unfinished: this.dispatcher.inFlight }, 'deliveries.stopped');
  }
}
