import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import { MailWorker } from './mail-worker.js';
import { type OperatorAlert, OperatorAlerts } from './operator-alerts.js';

/**
 * Operator alerts by the mail outbox, a mail for each recipient. Alerts within an hour of a mail are counted and sent as
 * one mail after it.
 */
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
    const facts = { at: new Date(this.clock.now()), subject, details: Object.entries(details) };
    const recipients = [...new Set(this.config.operatorEmailRecipients)];
    const topics = recipients.map((recipient) => ({ type: 'operators', recipient, kind, key }) as const);
    await Promise.all(topics.map((topic) => this.worker.accept({ topic, about: 'alert', kind, count, facts })));
  }
}
