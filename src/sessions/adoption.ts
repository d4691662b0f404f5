import { Injectable, Logger } from '@nestjs/common';
import { HeldWork } from '../completions/held-work.js';
import { Config } from '../config/config.js';
import { Heartbeat } from '../persistence/heartbeat.js';
import { Recovery } from './recovery.js';
import { SessionCheckScheduler } from './session-check.scheduler.js';

/**
 * Takes over where another process went away: frees what its start held, takes it out of the members, recovers its
 * intents, and checks at once, as this process's share of the tenants has grown. In this order: a crash before the
 * removal leaves the start among the members, and the next beat, here or elsewhere, begins again. Every replica does all
 * of it at the same time; each step does nothing the second time. The deliveries' due times wake the retry worker.
 */
@Injectable()
export class Adoption {
  private readonly logger = new Logger(Adoption.name);
  private readonly underWay = new Set<string>();

  constructor(
    private readonly config: Config,
    private readonly heartbeat: Heartbeat,
    private readonly held: HeldWork,
    private readonly recovery: Recovery,
    scheduler: SessionCheckScheduler,
  ) {
    heartbeat.listenToGone((startId) => void this.adopt(startId));
    heartbeat.listenToMembers(({ left }) => left.length > 0 && scheduler.runAnew());
  }

  /** Never rejects: what failed is tried again at the next beat. */
  async adopt(startId: string): Promise<void> {
    if (this.underWay.has(startId)) return;
    this.underWay.add(startId);
    try {
      const freed = await this.held.freeOf(startId);
      await this.heartbeat.remove(startId);
      this.logger.log({ startId, ...freed }, 'adoption.finished');
      if (this.config.sessionCheckIntervalMs > 0) await this.recovery.run(); // 0: this process completes no session
    } catch (error) {
      this.logger.warn({ startId, reason: (error as Error).message }, 'adoption.failed');
    } finally {
      this.underWay.delete(startId);
    }
  }
}
