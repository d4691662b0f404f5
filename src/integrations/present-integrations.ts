import { Injectable, Logger } from '@nestjs/common';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import { IntegrationChanges } from './integration-changes.js';
import { IntegrationRepository } from './integration.repository.js';
import type { Integration } from './integration.schema.js';

/** With five seconds promised: the rest is for what is between the answer here and the first byte that is sent. */
const MAX_AGE_MS = 4_500;
const LOOK_AGAIN_MS = 2_000;
/** What an operator has changed in the database by hand raises no version: it is seen after this time. */
const READ_ANEW_MS = 60_000;
const KEPT = 10_000;

interface Batch {
  ids: Set<number>;
  /** The ids that exist. */
  read: Promise<ReadonlySet<number>>;
}

/**
 * The integrations as attempts may use them: as this process was told at once, and as any other was told at most five
 * seconds before. They are kept in memory, and read anew when their version in the database is another one. The version
 * is read only while somebody asks: an idle process reads nothing.
 */
@Injectable()
export class PresentIntegrations {
  private readonly logger = new Logger(PresentIntegrations.name);
  private readonly known = new Map<number, Integration>();
  /** Raised whenever `known` is emptied: what was being read then may be from before the change. */
  private generation = 0;
  private version?: number;
  /** When the version was asked for that `known` goes by, and when `known` was emptied; monotonic, in milliseconds. */
  private asOf = -Infinity;
  private emptiedAt = -Infinity;
  /** What is known as of before this time is not recent, however young. */
  private recentFrom = -Infinity;
  private looking?: Promise<void>;
  private batch?: Batch;

  constructor(
    private readonly changes: IntegrationChanges,
    private readonly integrations: IntegrationRepository,
  ) {
    changes.listen(() => this.forget());
  }

  /**
   * What is done with it at once, before anything else is awaited, goes by the present settings.
   *
   * @returns undefined when it was removed
   * @throws a database error
   */
  async find(id: number): Promise<Integration | undefined> {
    for (;;) {
      if (this.age >= LOOK_AGAIN_MS) await this.beRecent();
      const known = this.known.get(id);
      if (known) return known;
      if (!(await this.read(id))) return undefined;
    }
  }

  /** From here on `find` returns nothing that is older than this call. */
  lookAgain(): void {
    this.recentFrom = performance.now();
  }

  /** Looks at the version in the background while what is known is young enough, else waits for it. */
  private async beRecent(): Promise<void> {
    while (this.age >= LOOK_AGAIN_MS) {
      this.looking ??= this.look().finally(() => (this.looking = undefined));
      if (this.age >= MAX_AGE_MS) {
        await this.looking;
        continue;
      }
      this.looking.catch((error: Error) => this.logger.warn({ reason: error.message }, 'integrations.not-looked-at'));
      return;
    }
  }

  private get age(): number {
    return this.asOf < this.recentFrom ? Infinity : performance.now() - this.asOf;
  }

  private async look(): Promise<void> {
    const asOf = performance.now();
    const { version, settled } = await this.changes.read();
    if (version !== this.version || !settled || asOf - this.emptiedAt >= READ_ANEW_MS) this.forget();
    this.version = version;
    this.asOf = asOf;
  }

  private forget(): void {
    this.known.clear();
    this.generation++;
    this.emptiedAt = performance.now();
  }

  /** Those that are asked for within one turn are read together. @returns whether it exists */
  private async read(id: number): Promise<boolean> {
    this.batch ??= this.beginBatch();
    this.batch.ids.add(id);
    return (await this.batch.read).has(id);
  }

  private beginBatch(): Batch {
    const ids = new Set<number>();
    return { ids, read: endOfTurn().then(() => this.readAll(ids)) };
  }

  private async readAll(ids: ReadonlySet<number>): Promise<ReadonlySet<number>> {
    this.batch = undefined;
    const { generation } = this;
    const found = await this.integrations.findByIds([...ids]);
    if (generation === this.generation) {
      if (this.known.size + found.length > KEPT) this.known.clear();
      for (const integration of found) this.known.set(integration.id, integration);
    }
    return new Set(found.map(({ id }) => id));
  }
}
