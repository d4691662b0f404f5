import type { Delivery } from '../completions/delivery.js';
import type { AttemptRunner } from './attempt-runner.js';
import type { Attempt } from './channels/delivery-channel.js';
import type { LaneJob } from './dispatch/lane.js';

/** Who had the delivery claimed: a session's first attempts, or the retry worker. */
export interface AttemptOrigin {
  readonly first: boolean;
  /** Ties the attempt to the trace that it belongs to. */
  tie(work: () => Promise<void>): () => Promise<void>;
  /** Called once for each attempt, also for one that was rejected, with the delivery as it is to be written. */
  settled(attempt: Attempt, delivery: Delivery): void;
}

/** One attempt at one claimed delivery, a first attempt or a retry, as the dispatcher runs it. */
export class DeliveryJob implements LaneJob {
  readonly alone = false;
  readonly run: () => Promise<void>;

  constructor(
    private readonly attempt: Attempt,
    private readonly origin: AttemptOrigin,
    private readonly runner: AttemptRunner,
  ) {
    this.run = origin.tie(async () => origin.settled(attempt, await runner.run(attempt)));
  }

  get destination(): string {
    return this.attempt.delivery.destination;
  }

  get first(): boolean {
    return this.origin.first;
  }

  reject(): void {
    this.origin.settled(this.attempt, this.runner.giveBack(this.attempt.delivery));
  }
}
