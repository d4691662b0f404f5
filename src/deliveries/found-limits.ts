import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { DestinationRepository } from '../completions/destination.repository.js';
import type { FoundState } from '../completions/found-limits.js';
import { Dispatcher } from './dispatch/dispatcher.js';

const EVERY_MS = 4_000;
/** What has not changed is written again before it is outdated, ten seconds after it was written. */
const AGAIN_MS = 7_000;

/**
 * Writes how many attempts at once this process found destinations to take, for administrators to see: with one bulk
 * write every four seconds at most, and none while nothing is attempted.
 */
@Injectable()
export class FoundLimits implements OnModuleDestroy {
  private readonly logger = new Logger(FoundLimits.name);
  /** What was written lately, by destination. */
  private readonly written = new Map<string, FoundState & { at: number }>();
  private lookedAt = Date.now();
  private writing?: Promise<void>;
  private readonly timer = setInterval(() => void this.tick(), EVERY_MS).unref();

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly destinations: DestinationRepository,
  ) {}

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.writing;
  }

  /** Does nothing while a write is under way. Never rejects. */
  async tick(): Promise<void> {
    if (this.writing) return;
    const found = this.changed();
    if (found.length === 0) return;
    this.writing = this.destinations
      .noteFound(found)
      .catch((error: Error) => this.logger.debug({ reason: error.message }, 'found-limits.not-saved'))
      .finally(() => (this.writing = undefined));
    await this.writing;
  }

  /** What is to be written of the destinations that had an attempt since the last look; it counts as written. */
  private changed(): FoundState[] {
    const now = Date.now();
    for (const [destination, { at }] of this.written) if (now - at >= AGAIN_MS) this.written.delete(destination);
    const attempted = this.dispatcher.attemptedSince(this.lookedAt);
    this.lookedAt = now;
    const changed: FoundState[] = [];
    for (const { destination, found: limit, circuit } of attempted) {
      const failures = circuit.state === 'closed' ? circuit.failures : undefined;
      const before = this.written.get(destination);
      if (before?.limit === limit && before.failures === failures) continue;
      const one = { destination, limit, ...(failures !== undefined && { failures }) };
      this.written.set(destination, { ...one, at: now });
      changed.push(one);
    }
    return changed;
  }
}
