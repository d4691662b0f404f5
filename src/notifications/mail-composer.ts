import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { Config } from '../config/config.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import type { IntegrationFacts, OperatorFacts } from './mail-facts.js';
import { type MailDocument, type MailTopic, owedCounts } from './mail-outbox.js';
import { integrationMail, type MailContent, operatorMail } from './mail-templates.js';
import type { OutgoingMail } from './mailer.js';
import { WaitingDeliveries } from './waiting-deliveries.js';

const OPERATOR_INTERVAL_MS = 3_600_000;

export type OwedMail = Pick<MailDocument, 'topic' | 'counts' | 'mailed' | 'notes' | 'facts' | 'batch'>;

/** Turns an owed mail into one that can be sent, with what is true at the time of sending. */
@Injectable()
export class MailComposer {
  constructor(
    private readonly config: Config,
    private readonly integrations: IntegrationRepository,
    private readonly waiting: WaitingDeliveries,
  ) {}

  /** @returns null when nobody is to hear of it: no recipients, or the integration is gone */
  async compose(mail: OwedMail): Promise<OutgoingMail | null> {
    const { topic } = mail;
    const [to, content] =
      topic.type === 'integration' ? await this.aboutIntegration(topic, mail) : this.forOperators(topic, mail);
    return content && to.length > 0 ? { messageId: this.messageId(mail), to, ...content } : null;
  }

  /** @returns how long no further mail on the same topic may go, in milliseconds */
  pauseMs({ topic }: Pick<MailDocument, 'topic'>): number {
    return topic.type === 'integration' ? this.config.errorEmailMinIntervalMs : OPERATOR_INTERVAL_MS;
  }

  private async aboutIntegration(
    topic: MailTopic & { type: 'integration' },
    mail: OwedMail,
  ): Promise<[readonly string[], MailContent?]> {
    const integration = await this.integrations.findById(topic.integrationId);
    if (integration?.organizationId !== topic.organizationId || integration.errorEmailRecipients.length === 0)
      return [[]];
    const content = integrationMail({
      integration,
      counts: owedCounts(mail),
      facts: mail.facts as IntegrationFacts,
      waiting: await this.waiting.countFor(topic.integrationId),
    });
    return [integration.errorEmailRecipients, content];
  }

  private forOperators(topic: MailTopic & { type: 'operators' }, mail: OwedMail): [readonly string[], MailContent?] {
    const count = owedCounts(mail)[topic.kind] ?? 1;
    const content = operatorMail({ kind: topic.kind, count, facts: mail.facts as OperatorFacts });
    return [this.config.operatorEmailRecipients, content];
  }

  /** The number of notes is part of it: a retry that says more than the attempt before is another message. */
  private messageId({ batch, notes }: OwedMail): string {
    const domain = /@([^>]+)/.exec(this.config.smtpFrom ?? '')?.[1] ?? 'hbf-session-manager';
    return `<${batch ?? randomUUID()}.${notes}@${domain}>`;
  }
}
