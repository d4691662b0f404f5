import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { OperatorAlerts } from '../notifications/operator-alerts.js';
import { Clock } from '../persistence/clock.js';
import { PlatformError } from '../platform/platform-error.js';

const INTERVALS = 3;
const AT_LEAST_MS = 900_000;

/**
 * Tells the operators that hbf-core refuses the service, and that no session check has finished for three intervals
 * (15 minutes at least). Looks when a check ends: one that failed, or one that came too late. Never rejects.
 */
@Injectable()
export class CheckAlerts {
  /** When the last check finished; before the first one, when that began. Epoch ms, Clock. */
  private waitingSince?: number;

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly alerts: OperatorAlerts,
  ) {}

  /** Every check begins with it. */
  began(): void {
    this.waitingSince ??= this.clock.now();
  }

  async finished(): Promise<void> {
    const late = this.raiseIfLate();
    this.waitingSince = this.clock.now();
    await late;
  }

  /** @param error why the check failed as a whole */
  async failed(error: unknown): Promise<void> {
    await Promise.all([this.raiseIfRefused(error), this.raiseIfLate()]);
  }

  private async raiseIfRefused(error: unknown): Promise<void> {
    if (!(error instanceof PlatformError) || error.kind !== 'unauthorized') return;
    const { service, route, code } = error;
    const todo = 'see that CORE_TOKEN is valid and belongs to a moderator; no session is ended until then';
    await this.alerts.raise({
      kind: 'core-refuses',
      key: service,
      subject: `${service} refuses this service`,
      details: { Route: route, Answer: code, 'What to do': todo },
    });
  }

  private async raiseIfLate(): Promise<void> {
    const { sessionCheckIntervalMs } = this.config;
    const idleMs = this.clock.now() - (this.waitingSince ?? Infinity);
    if (sessionCheckIntervalMs === 0 || idleMs < Math.max(INTERVALS * sessionCheckIntervalMs, AT_LEAST_MS)) return;
    const minutes = Math.floor(idleMs / 60_000);
    await this.alerts.raise({
      kind: 'session-check-late',
      key: 'session-check',
      subject: `No session check has finished for ${minutes} minutes`,
      details: {
        'Waiting since': new Date(this.waitingSince!).toISOString(),
        'What to do': 'see the log of the service',
      },
    });
  }
}
