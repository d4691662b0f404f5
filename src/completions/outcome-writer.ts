import { Injectable, Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { batchesOf } from './batches.js';
import type { Completion } from './completion.js';
import { CompletionRepository, type DeliveryChange } from './completion.repository.js';
import type { Delivery } from './delivery.js';
import { DueTimes, DueTimesWriter } from './due-times.js';
import { IntegrationErrorRepository } from './integration-error.repository.js';
import type { IntegrationError } from './integration-error.schema.js';
import { IntentRepository } from './intent.repository.js';
import { writeSplit } from './split-writes.js';
import { unwritableChange, unwritableCompletion } from './unwritable.js';

/** How long outcomes gather: in a batch of a hundred one costs the database half as much as in one of five. */
const FLUSH_MS = 50;
const FLUSH_SIZE = 200;
const RETRY_MS = 500;

/** A completion after its first attempts, and the lease of the intent that it was in. */
interface FirstOutcomes {
  lease: string;
  completion: Completion;
}

class Batch {
  /** Settlements may be of the same completions, and find their claims only after these are written. */
  readonly completions: FirstOutcomes[] = [];
  readonly settlements: DeliveryChange[] = [];
  readonly errors: IntegrationError[] = [];
  readonly dueTimes = new DueTimes();
  /** Completions in which a delivery was settled after the first outcomes: perhaps nothing in them is pending any more. */
  readonly perhapsFinished = new Set<string>();

  get size(): number {
    return this.completions.length + this.settlements.length;
  }
}

/**
 * Writes outcomes in batches, one after the other: a batch that overtook another would settle claims that are not there
 * yet, and those outcomes would be lost. The busier the database, the larger the batches. While it is away a batch is
 * kept and tried again; that does no harm, as each operation is guarded by its token or its completion's id. What the
 * database refuses for itself (a document over 16 MB) is dead and logged, and keeps nothing else from being written.
 */
@Injectable()
export class OutcomeWriter {
  /** Outcomes that came after their lease had passed to another process, which was faster. */
  lost = 0;

  private readonly logger = new Logger(OutcomeWriter.name);
  /** Leases whose sessions are all completed by this process, with how many of these are not written yet. */
  private readonly unwritten = new Map<string, number>();
  private batch = new Batch();
  private timer?: NodeJS.Timeout;
  private writing?: Promise<void>;

  constructor(
    private readonly intents: IntentRepository,
    private readonly completions: CompletionRepository,
    private readonly dueTimes: DueTimesWriter,
    private readonly integrationErrors: IntegrationErrorRepository,
  ) {}

  /**
   * Says that all sessions of a lease will come to `complete`: its intents are then removed as a whole when the last one
   * is written, at a fraction of what it costs the database to take out one after the other.
   */
  expect(lease: string, sessions: number): void {
    if (sessions > 0) this.unwritten.set(lease, sessions);
  }

  /** The first write after hbf-core was told: the completion with its first outcomes. Its intent is removed afterwards. */
  complete(completion: Completion, lease: string): void {
    this.batch.completions.push({ lease, completion });
    for (const delivery of completion.deliveries) this.batch.dueTimes.note(delivery);
    this.schedule();
  }

  /** A claimed delivery as it stands after its outcome; written only where `token` still holds it. */
  settle(completionId: string, token: string, delivery: Delivery): void {
    // One that was cancelled while it ran does not become pending again; but any other outcome is the truth.
    const only = delivery.state === 'pending' ? { token, state: delivery.state } : { token };
    this.batch.settlements.push({ completionId, delivery, only });
    this.batch.dueTimes.note(delivery);
    if (delivery.state !== 'pending') this.batch.perhapsFinished.add(completionId);
    this.schedule();
  }

  addError(error: IntegrationError): void {
    this.batch.errors.push(error);
  }

  /** Resolves when everything handed in so far is written. */
  async flush(): Promise<void> {
    await this.writing;
    this.startWriting();
    await this.writing;
  }

  private schedule(): void {
    if (this.writing || this.batch.size === 0) return; // the next batch begins after this one
    if (this.batch.size >= FLUSH_SIZE) this.startWriting();
    else this.timer ??= setTimeout(() => this.startWriting(), FLUSH_MS);
  }

  private startWriting(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.writing || this.batch.size === 0) return;
    const batch = this.batch;
    this.batch = new Batch();
    this.writing = this.writeUntilDone(batch).finally(() => {
      this.writing = undefined;
      this.schedule();
    });
  }

  private async writeUntilDone(batch: Batch): Promise<void> {
    for (;;) {
      try {
        await this.write(batch);
        return;
      } catch (error) {
        const reason = (error as Error).message;
        this.logger.error({ outcomes: batch.size, reason }, 'outcomes could not be written, trying again');
        await delay(RETRY_MS);
      }
    }
  }

  /** In this order: a crash in between leaves an error entry or a due time too many, never a delivery forgotten. */
  private async write(batch: Batch): Promise<void> {
    await writeSplit(batch.errors, {
      write: (errors) => this.integrationErrors.add(errors),
      giveUp: ({ _id }, error) => Promise.resolve(this.logUnwritable({ integrationError: _id }, error)),
    });
    await this.dueTimes.around(batch.dueTimes, async () => {
      await this.writeCompletions(batch.completions);
      await this.writeSettlements(batch.settlements);
      if (batch.perhapsFinished.size > 0) await this.completions.closeFinished([...batch.perhapsFinished]);
    });
  }

  /** A crash in between leaves an intent too many, which counts for nothing beside its completion. */
  private async writeCompletions(outcomes: FirstOutcomes[]): Promise<void> {
    for (const part of batchesOf([...outcomes], ({ completion }) => completion.deliveries.length)) {
      const written = async (some: readonly FirstOutcomes[], completions: readonly Completion[], again: boolean) => {
        const there = await this.completions.add(completions);
        outcomes.splice(0, some.length); // tried again, they would be there already and count as lost
        if (!again) this.noteLost(there.size);
        await this.removeIntents(some);
      };
      await writeSplit(part, {
        write: (some, again) => written(some, some.map(({ completion }) => completion), again), // prettier-ignore
        giveUp: async (one, error) => {
          const { completion } = one;
          await written([one], [unwritableCompletion(completion, error)], true);
          this.logUnwritable({ completionId: completion._id, deliveries: completion.deliveries.length }, error);
        },
      });
    }
  }

  private async removeIntents(written: readonly FirstOutcomes[]): Promise<void> {
    const finished: string[] = [];
    const singles = new Map<string, string[]>();
    for (const { lease, completion } of written) {
      const left = this.unwritten.get(lease);
      if (left === undefined) singles.set(lease, [...(singles.get(lease) ?? []), completion._id]);
      else if (left > 1) this.unwritten.set(lease, left - 1);
      else if (this.unwritten.delete(lease)) finished.push(lease);
    }
    await this.intents.removeAll(finished);
    for (const [lease, ids] of singles) await this.intents.remove(lease, ids);
  }

  private async writeSettlements(settlements: DeliveryChange[]): Promise<void> {
    for (const part of batchesOf([...settlements], () => 1)) {
      const written = async (changes: readonly DeliveryChange[], again: boolean) => {
        const lost = await this.completions.change(changes);
        settlements.splice(0, changes.length);
        if (!again) this.noteLost(lost);
      };
      await writeSplit(part, {
        write: written,
        giveUp: async (change, error) => {
          await written([unwritableChange(change, error)], true);
          this.logUnwritable({ completionId: change.completionId, destination: change.delivery.destination }, error);
        },
      });
    }
  }

  private logUnwritable(what: Record<string, unknown>, error: unknown): void {
    this.logger.error({ ...what, reason: (error as Error).message }, 'outcome.not-writable');
  }

  private noteLost(lost: number): void {
    this.lost += lost;
    if (lost > 0) this.logger.warn({ lost }, 'outcomes came after their lease had passed');
  }
}
