import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { DeliveryHistory } from '../completions/delivery-history.js';
import { Config } from '../config/config.js';
import { IntegrationCounts } from '../integrations/integration-counts.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import type { Integration } from '../integrations/integration.schema.js';
import type { IntegrationFacts, OperatorFacts } from './mail-facts.js';
import { digestMail } from './mail-digest.js';
import { difference } from './mail-notes.js';
import { type IntegrationEvents, integrationMail, type MailContent, operatorMail } from './mail-templates.js';
import type { MailDocument, MailEntry, MailTopic } from './mail.schema.js';
import type { OutgoingMail } from './mailer.js';
import { addressOf } from '../integrations/recipient.js';

const OPERATOR_INTERVAL_MS = 3_600_000;

export type UnsentMail = Pick<MailDocument, 'topic' | 'notes' | 'counts' | 'entries' | 'more' | 'batch'>;

/** Writes the text of an unsent mail; recipients and pending deliveries are looked up when it is sent. */
@Injectable()
export class MailComposer {
  constructor(
    private readonly config: Config,
    private readonly integrations: IntegrationRepository,
    private readonly integrationCounts: IntegrationCounts,
    @Inject(DeliveryHistory) private readonly history: Pick<DeliveryHistory, 'countFor'>,
  ) {}

  /** @returns null when it is not to be sent: its recipient is none any more, or the integrations were deleted */
  async compose(mail: UnsentMail): Promise<OutgoingMail | null> {
    const { topic } = mail;
    const content =
      topic.type === 'integrations' ? await this.aboutIntegrations(topic, mail) : this.forOperators(topic, mail);
    return content && { messageId: this.messageId(mail), to: topic.recipient, ...content };
  }

  /** @returns the pause between two mails on the same topic, in milliseconds */
  pauseMs({ topic }: Pick<MailDocument, 'topic'>): number {
    return topic.type === 'integrations' ? this.config.errorEmailMinIntervalMs : OPERATOR_INTERVAL_MS;
  }

  private async aboutIntegrations(
    { organizationId, recipient }: MailTopic & { type: 'integrations' },
    { counts = {}, entries = {}, more = {} }: UnsentMail,
  ): Promise<MailContent | null> {
    const found = await this.integrations.findByIds(Object.keys(entries).map(Number));
    const listed = found
      .filter((one) => one.organizationId === organizationId)
      .filter((one) => one.errorEmailRecipients.some((entry) => addressOf(entry) === recipient))
      .map((integration) => eventsOf(integration, entries[integration.id]!));
    const others = Object.keys(more).filter((id) => !(id in entries));
    const further = await this.integrationCounts.withRecipient(recipient, organizationId, others.map(Number));
    if (listed.length + further === 0) return null;
    if (listed.length === 1 && further === 0) {
      const pending = await this.history.countFor(listed[0]!.integration.id);
      return integrationMail({ ...listed[0]!, pending });
    }
    const gone = Object.entries(entries).filter(([id]) => !listed.some(({ integration }) => integration.id === +id));
    const told = gone.reduce((rest, [, entry]) => difference(rest, entry.counts), counts);
    return digestMail({ organizationId, listed, further, counts: told });
  }

  private forOperators(
    { recipient, kind }: MailTopic & { type: 'operators' },
    { counts, entries }: UnsentMail,
  ): MailContent | null {
    if (!this.config.operatorEmailRecipients.includes(recipient)) return null;
    const facts = entries!['alert']!.facts as OperatorFacts;
    return operatorMail({ kind, count: counts?.[kind] ?? 1, facts });
  }

  /** The number of notes is part of it: a retry after a further note has another content and is another message. */
  private messageId({ batch, notes }: UnsentMail): string {
    const domain = /@([^>]+)/.exec(this.config.smtpFrom ?? '')?.[1] ?? 'hbf-session-manager';
    return `<${batch ?? randomUUID()}.${notes}@${domain}>`;
  }
}

function eventsOf(integration: Integration, { counts, facts }: MailEntry): IntegrationEvents {
  return { integration, counts, facts: facts as IntegrationFacts };
}
