import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Database } from '../persistence/database.js';
import { SessionCheckScheduler } from '../sessions/session-check.scheduler.js';
import { Backlog } from './backlog.js';

export interface Readiness {
  status: 'ready' | 'not ready' | 'stopping';
  database: 'up' | 'down';
  sessionCheck: { lastFinishedAt: string | null; ageSeconds: number | null; failing: boolean; paused: boolean };
  /** `open` is null when the database does not answer. */
  circuits: { open: number | null };
}

/**
 * Readiness of this process, and figures for operators. Only the database and a stop under way make it not ready: while
 * session checks fail because hbf-core is away, the REST API stays in service.
 */
@Injectable()
export class HealthService implements OnModuleDestroy {
  private stopping = false;

  constructor(
    private readonly database: Database,
    private readonly scheduler: SessionCheckScheduler,
    private readonly backlog: Backlog,
  ) {}

  onModuleDestroy(): void {
    this.stopping = true;
  }

  async readiness(): Promise<Readiness> {
    const up = await this.database.answers();
    const figures = up ? await this.backlog.figures() : undefined;
    const last = this.scheduler.lastFinishedAt;
    return {
      status: this.stopping ? 'stopping' : up ? 'ready' : 'not ready',
      database: up ? 'up' : 'down',
      sessionCheck: {
        lastFinishedAt: last?.toISOString() ?? null,
        ageSeconds: last ? Math.round((Date.now() - last.getTime()) / 1000) : null,
        failing: this.scheduler.failing,
        paused: this.scheduler.paused,
      },
      circuits: { open: figures?.openCircuits ?? null },
    };
  }
}
