import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Database } from '../persistence/database.js';
import { SessionCheckScheduler } from '../sessions/session-check.scheduler.js';

export interface Readiness {
  status: 'ready' | 'not ready' | 'stopping';
  database: 'up' | 'down';
  sessionCheck: { lastFinishedAt: string | null; ageSeconds: number | null; failing: boolean };
}

/** What probes and operators are told about this process. */
@Injectable()
export class HealthService implements OnModuleDestroy {
  private stopping = false;

  constructor(
    private readonly database: Database,
    private readonly scheduler: SessionCheckScheduler,
  ) {}

  onModuleDestroy(): void {
    this.stopping = true;
  }

  async readiness(): Promise<Readiness> {
    const up = await this.database.answers();
    const last = this.scheduler.lastFinishedAt;
    return {
      status: this.stopping ? 'stopping' : up ? 'ready' : 'not ready',
      database: up ? 'up' : 'down',
      sessionCheck: {
        lastFinishedAt: last?.toISOString() ?? null,
        ageSeconds: last ? Math.round((Date.now() - last.getTime()) / 1000) : null,
        failing: this.scheduler.failing,
      },
    };
  }
}
