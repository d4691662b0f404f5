import { Injectable, Logger } from '@nestjs/common';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import type { IntegrationEvent } from './integration-event.js';
import type { MailNote } from './mail-notes.js';
import { MailWorker } from './mail-worker.js';
import { addressOf } from '../integrations/recipient.js';

const REASON_LENGTH = 300;

/**
 * Mails an integration's `errorEmailRecipients` when it begins to fail, when deliveries are dead, when it was disabled
 * and when it works again. Each recipient gets at most one mail in ERROR_EMAIL_MIN_INTERVAL_IN_MINS about all the
 * integrations of an organization: later events come as one digest. Recording is one read and, for each of the
 * recipients, one small write to the database; it never sends. An event goes to the recipients that the integration has
 * when it is recorded, except those that are no longer its recipients when the mail is sent.
 */
@Injectable()
export class IntegrationNotifications {
  private readonly logger = new Logger(IntegrationNotifications.name);

  constructor(
    private readonly worker: MailWorker,
    private readonly integrations: IntegrationRepository,
  ) {}

  /** Never rejects: an event that cannot be written is logged and its mail is lost. */
  async record(event: IntegrationEvent): Promise<void> {
    const { kind, integrationId, organizationId, at } = event;
    try {
      const integration = await this.integrations.findInOrganization(organizationId, integrationId);
      const note = noteOf(event, integration?.failingSince ?? event.since ?? at);
      const recipients = [...new Set(integration?.errorEmailRecipients.map(addressOf))];
      const topics = recipients.map((recipient) => ({ type: 'integrations', organizationId, recipient }) as const);
      await Promise.all(topics.map((topic) => this.worker.accept({ topic, ...note })));
    } catch (error) {
      this.logger.warn({ organizationId, integrationId, kind, reason: (error as Error).message }, 'mail.not-noted');
    }
  }
}

function noteOf(event: IntegrationEvent, since: Date): Omit<MailNote, 'topic'> {
  const { kind, integrationId, at, statusCode, code, reason, count = 1 } = event;
  const hasStatus = statusCode !== undefined || code !== undefined;
  return {
    about: String(integrationId),
    kind,
    count,
    facts: {
      at,
      reason: reason?.slice(0, REASON_LENGTH) ?? null,
      ...(hasStatus && { statusCode: statusCode ?? null, code: code ?? null }),
      ...(kind === 'recovered' && { recoveredAt: at }),
      ...(kind === 'first-failure' && { since: at, recoveredAt: null }),
    },
    firstFacts: { since, recoveredAt: null, statusCode: null, code: null },
  };
}
