import { Injectable, Logger } from '@nestjs/common';
import type { AnyBulkWriteOperation } from 'mongodb';
import { setTimeout as delay } from 'node:timers/promises';
import type { Completion, Delivery } from './completion.js';
import { CompletionRepository } from './completion.repository.js';
import { DestinationRepository } from './destination.repository.js';
import { DetectionRepository } from './detection.repository.js';
import { type IntegrationError, IntegrationErrorRepository } from './integration-error.repository.js';
import { partsOf } from './parts.js';

/** How long outcomes gather: in a batch of a hundred one costs the database half as much as in one of five. */
const FLUSH_MS = 50;
const FLUSH_SIZE = 200;
const RETRY_MS = 500;

/** All that is detected under one lease, where all of it is handed over by this process. */
export interface DetectedPage {
  /** Sessions whose first outcomes are not written yet. */
  left: number;
}

/** A completion after its first attempts, and the lease under which they were made. */
interface HandOver {
  lease: string;
  completed: Completion;
  page: DetectedPage | undefined;
}

interface Batch {
  /** First outcomes. Settlements may be of the same completions, and find their claims only after these. */
  handOvers: HandOver[];
  settlements: AnyBulkWriteOperation<Completion>[];
  errors: IntegrationError[];
  dueTimes: Map<string, Date>;
  /** Completions in which something was paid after the first outcomes: perhaps nothing is owed any more. */
  perhapsPaid: Set<string>;
}

/**
 * Writes outcomes back in batches, one after the other: a batch that overtook another would settle claims that are not
 * there yet, and those outcomes would be lost. The busier the database, the larger the batches. While it is away a
 * batch is kept and tried again; that does no harm, as each operation is guarded by its token or its completion's id.
 */
@Injectable()
export class OutcomeWriter {
  /** Outcomes that came after their lease had passed to another, who was faster. */
  lost = 0;
  /** Called when a delivery's due time was written, so that local lanes wake for it. */
  onDue: (at: Date) => void = () => undefined;

  private readonly logger = new Logger(OutcomeWriter.name);
  private batch = emptyBatch();
  private timer?: NodeJS.Timeout;
  private writing?: Promise<void>;

  constructor(
    private readonly detections: DetectionRepository,
    private readonly completions: CompletionRepository,
    private readonly destinations: DestinationRepository,
    private readonly integrationErrors: IntegrationErrorRepository,
  ) {}

  /**
   * The first write after hbf-core was told: every delivery as it stands, and the completion's lease is gone.
   *
   * @param page what it was detected with: it is removed as a whole when the last of it is written, at a fraction of
   *   what it costs the database to take out one after the other; without it, this one is taken out
   */
  handOver(completion: Completion, deliveries: Delivery[], completedAt: Date, page?: DetectedPage): void {
    const open = deliveries.some((delivery) => delivery.state === 'owed');
    const completed: Completion = {
      _id: completion._id,
      sessionId: completion.sessionId,
      revision: completion.revision,
      organizationId: completion.organizationId,
      tenantId: completion.tenantId,
      state: 'completed',
      open,
      rule: completion.rule,
      thresholdSeconds: completion.thresholdSeconds,
      lastInteraction: completion.lastInteraction,
      detectedAt: completion.detectedAt,
      completedAt,
      deliveries,
      leftOut: completion.leftOut,
    };
    this.batch.handOvers.push({ lease: completion.lease!, completed, page });
    deliveries.forEach((delivery) => this.noteDue(delivery));
    this.schedule();
  }

  /** A claimed delivery as it stands after its outcome; written only where `token` still holds it. */
  settle(completionId: string, token: string, delivery: Delivery): void {
    // One that was dropped while it ran is not owed again; but what came of it otherwise is the truth.
    const claim = {
      destination: delivery.destination,
      token,
      ...(delivery.state === 'owed' ? { state: 'owed' as const } : {}),
    };
    this.batch.settlements.push({
      updateOne: {
        filter: { _id: completionId, deliveries: { $elemMatch: claim } },
        update: { $set: { 'deliveries.$': delivery } },
      },
    });
    if (delivery.state === 'owed') this.noteDue(delivery);
    else this.batch.perhapsPaid.add(completionId);
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

  private noteDue(delivery: Delivery): void {
    if (delivery.state !== 'owed' || !delivery.dueAt) return;
    const known = this.batch.dueTimes.get(delivery.destination);
    if (!known || delivery.dueAt < known) this.batch.dueTimes.set(delivery.destination, delivery.dueAt);
  }

  private schedule(): void {
    if (this.writing || size(this.batch) === 0) return; // the next batch begins after this one
    if (size(this.batch) >= FLUSH_SIZE) this.startWriting();
    else this.timer ??= setTimeout(() => this.startWriting(), FLUSH_MS);
  }

  private startWriting(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.writing || size(this.batch) === 0) return;
    const batch = this.batch;
    this.batch = emptyBatch();
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
        this.logger.error({ outcomes: size(batch), reason }, 'outcomes could not be written, trying again');
        await delay(RETRY_MS);
      }
    }
  }

  /** In this order: a crash in between leaves an error entry or a due time too many, never a delivery forgotten. */
  private async write(batch: Batch): Promise<void> {
    if (batch.errors.length > 0) await this.integrationErrors.add(batch.errors);
    if (batch.dueTimes.size > 0) await this.destinations.announce(batch.dueTimes);
    await this.writeFirst(batch.handOvers);
    await this.writeSettlements(batch.settlements);
    if (batch.perhapsPaid.size > 0) await this.completions.closePaid([...batch.perhapsPaid]);
    // A lane that looked between the announcement and the write found nothing, and may have cleared it.
    if (batch.dueTimes.size > 0) await this.destinations.announce(batch.dueTimes);
    for (const dueAt of batch.dueTimes.values()) this.onDue(dueAt);
  }

  /** A crash in between leaves a detection too many, which counts for nothing beside its completion. */
  private async writeFirst(handOvers: HandOver[]): Promise<void> {
    for (const part of partsOf([...handOvers], ({ completed }) => completed.deliveries.length)) {
      const there = await this.completions.add(part.map(({ completed }) => completed));
      handOvers.splice(0, part.length); // tried again, they would be there already, and pass for lost
      this.noteLost(there.size);
      await this.removeDetected(part);
    }
  }

  private async removeDetected(written: readonly HandOver[]): Promise<void> {
    for (const { page } of written) if (page) page.left--;
    const whole = written.filter(({ page }) => page?.left === 0).map(({ lease }) => lease);
    await this.detections.removePages([...new Set(whole)]);
    const single = written.filter(({ page }) => !page);
    await this.detections.remove(single.map(({ lease, completed }) => ({ _id: completed._id, lease })));
  }

  private async writeSettlements(settlements: Batch['settlements']): Promise<void> {
    for (const part of partsOf([...settlements], () => 1)) {
      const lost = await this.completions.write(part);
      settlements.splice(0, part.length);
      this.noteLost(lost);
    }
  }

  private noteLost(lost: number): void {
    this.lost += lost;
    if (lost > 0) this.logger.warn({ lost }, 'outcomes came after their lease had passed');
  }
}

function emptyBatch(): Batch {
  return { handOvers: [], settlements: [], errors: [], dueTimes: new Map(), perhapsPaid: new Set() };
}

function size({ handOvers, settlements }: Batch): number {
  return handOvers.length + settlements.length;
}
