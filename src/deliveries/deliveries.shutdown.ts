import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { Dispatcher } from './dispatcher.js';
import { FirstAttempts } from './first-attempts.js';
import { OutcomeWriter } from './outcome-writer.js';

/** The process must be gone ten seconds after SIGTERM. */
const FINISH_MS = 6_000;
const WRITE_MS = 2_000;
const LOOK_AGAIN_MS = 20;

/**
 * The last step of a graceful stop, after the check and the lanes have stopped handing in work: what runs is finished,
 * outcomes are written. An attempt that takes longer is left to its lease: somebody sends it again under the same id.
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
    this.firstAttempts.handOverAll();
    await Promise.race([this.writer.flush(), delay(WRITE_MS, undefined, { ref: false })]);
    this.logger.log({ unfinished: this.dispatcher.inFlight }, 'deliveries.stopped');
  }
}
