import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Database } from '../persistence/database.js';
import { CompletionRepository } from './completion.repository.js';
import { DestinationRepository } from './destination.repository.js';
import { DueAlarm } from './due-alarm.js';

/**
 * Pending deliveries that no retry worker would look for: a process was killed between writing a due time and announcing
 * it again, after a retry worker had cleared the announcement before. Found from the open completions, never by walking
 * the destinations: there are three for each tenant, and most have nothing pending. Looked for at each start, which is
 * after each kill, and by the hourly purge.
 */
@Injectable()
export class ForgottenWork implements OnApplicationBootstrap {
  private readonly logger = new Logger(ForgottenWork.name);

  constructor(
    private readonly database: Database,
    private readonly completions: CompletionRepository,
    private readonly destinations: DestinationRepository,
    private readonly alarm: DueAlarm,
  ) {}

  onApplicationBootstrap(): void {
    void this.database
      .whenReady()
      .then(() => this.announce())
      .catch((error: Error) => this.logger.warn({ reason: error.message }, 'due-times.not-checked'));
  }

  /** @returns how many destinations it announced */
  async announce(): Promise<number> {
    const pending = await this.completions.earliestDueOfAll();
    for (const id of await this.destinations.announcedOf([...pending.keys()])) pending.delete(id);
    if (pending.size === 0) return 0;
    await this.destinations.announce(pending);
    for (const dueAt of pending.values()) this.alarm.setFor(dueAt);
    this.logger.warn({ destinations: pending.size }, 'due-times.announced');
    return pending.size;
  }
}
