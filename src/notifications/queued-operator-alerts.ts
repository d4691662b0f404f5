import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import { MailWorker } from './mail-worker.js';
import { type OperatorAlert, OperatorAlerts } from './operator-alerts.js';

/** Operator alerts by the mail outbox. Alerts within an hour of a mail are counted and sent as one mail after it. */
@Injectable()
export class QueuedOperatorAlerts extends OperatorAlerts {
  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly worker: MailWorker,
  ) {
    super();
  }

  async raise({ kind, key, subject, details, count = 1 }: OperatorAlert): Promise<void> {
    if (this.config.operatorEmailRecipients.length === 0) return;
    await this.worker.accept({
      topic: { type: 'operators', kind, key },
      about: 'alert',
      kind,
      count,
      facts: { at: new Date(this.clock.now()), subject, details: Object.entries(details) },
    });
  }
}
