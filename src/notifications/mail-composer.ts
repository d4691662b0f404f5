import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { DeliveryHistory } from '../completions/delivery-history.js';
import { Config } from '../config/config.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import type { IntegrationFacts, OperatorFacts } from './mail-facts.js';
import { unmailedCounts } from './mail-outbox.js';
import { integrationMail, type MailContent, operatorMail } from './mail-templates.js';
import type { MailDocument, MailTopic } from './mail.schema.js';
import type { OutgoingMail } from './mailer.js';

const OPERATOR_INTERVAL_MS = 3_600_000;

export type UnsentMail = Pick<MailDocument, 'topic' | 'counts' | 'mailed' | 'notes' | 'facts' | 'batch'>;

/** Writes the text of an unsent mail; recipients and pending deliveries are looked up when it is sent. */
@Injectable()
export class MailComposer {
  constructor(
    private readonly config: Config,
    private readonly integrations: IntegrationRepository,
    @Inject(DeliveryHistory) private readonly history: Pick<DeliveryHistory, 'countFor'>,
  ) {}

  /** @returns null when there is nobody to send it to: no recipients, or the integration was deleted */
  async compose(mail: UnsentMail): Promise<OutgoingMail | null> {
    const { topic } = mail;
    const [to, content] =
      topic.type === 'integration' ? await this.aboutIntegration(topic, mail) : this.forOperators(topic, mail);
    return content && to.length > 0 ? { messageId: this.messageId(mail), to, ...content } : null;
  }

  /** @returns the pause between two mails on the same topic, in milliseconds */
  pauseMs({ topic }: Pick<MailDocument, 'topic'>): number {
    return topic.type === 'integration' ? this.config.errorEmailMinIntervalMs : OPERATOR_INTERVAL_MS;
  }

  private async aboutIntegration(
    topic: MailTopic & { type: 'integration' },
    mail: UnsentMail,
  ): Promise<[readonly string[], MailContent?]> {
    const integration = await this.integrations.findById(topic.integrationId);
    if (integration?.organizationId !== topic.organizationId || integration.errorEmailRecipients.length === 0)
      return [[]];
    const content = integrationMail({
      integration,
      counts: unmailedCounts(mail),
      facts: mail.facts as IntegrationFacts,
      pending: await this.history.countFor(topic.integrationId),
    });
    return [integration.errorEmailRecipients, content];
  }

  private forOperators(topic: MailTopic & { type: 'operators' }, mail: UnsentMail): [readonly string[], MailContent?] {
    const count = unmailedCounts(mail)[topic.kind] ?? 1;
    const content = operatorMail({ kind: topic.kind, count, facts: mail.facts as OperatorFacts });
    return [this.config.operatorEmailRecipients, content];
  }

  /** The number of notes is part of it: a retry after a further note has another content and is another message. */
  private messageId({ batch, notes }: UnsentMail): string {
    const domain = /@([^>]+)/.exec(this.config.smtpFrom ?? '')?.[1] ?? 'hbf-session-manager';
    return `<${batch ?? randomUUID()}.${notes}@${domain}>`;
  }
}
