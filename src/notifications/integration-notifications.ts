import { Injectable } from '@nestjs/common';
import type { IntegrationEvent } from './integration-event.js';
import { MailWorker } from './mail-worker.js';

const REASON_LENGTH = 300;

/**
 * Mails an integration's `errorEmailRecipients` when it begins to fail, when deliveries are dead, when it was disabled
 * and when it works again: at most one mail in ERROR_EMAIL_MIN_INTERVAL_IN_MINS, later events as one digest. Recording
 * is one write to the database and never sends; the recipients and the number of pending deliveries are read when the
 * mail is sent.
 */
@Injectable()
export class IntegrationNotifications {
  constructor(private readonly worker: MailWorker) {}

  /** Never rejects: an event that cannot be written is logged and its mail is lost. */
  async record(event: IntegrationEvent): Promise<void> {
    const { kind, integrationId, organizationId, at, statusCode, code, reason, count = 1 } = event;
    const hasStatus = statusCode !== undefined || code !== undefined;
    const began = { since: at, recoveredAt: null };
    await this.worker.accept({
      topic: { type: 'integration', integrationId, organizationId },
      kind,
      count,
      facts: {
        at,
        reason: reason?.slice(0, REASON_LENGTH) ?? null,
        ...(hasStatus && { statusCode: statusCode ?? null, code: code ?? null }),
        ...(kind === 'recovered' && { recoveredAt: at }),
        ...(kind === 'first-failure' && began),
      },
      firstFacts: kind === 'first-failure' ? {} : { since: at },
    });
  }
}
