import type { IntegrationDocument } from '../../src/integrations/integration.schema.js';
import type { NewIntegration } from '../support/integrations.js';
import type { ReceivedMail, SmtpSink } from '../support/smtp-sink.js';
import { waitFor } from '../support/wait-for.js';
import type { WebhookReceiver } from '../support/webhook-receiver.js';
import type { Round } from './round.fixture.js';

export const RECIPIENT = 'ops@customer.example';

/** An endpoint of tenant t1 whose troubles RECIPIENT hears of. */
export function addMailedWebhook(round: Round, more: Partial<NewIntegration> = {}): Promise<WebhookReceiver> {
  return round.addWebhook('t1', { errorEmailRecipients: [RECIPIENT], ...more });
}

/** Waits for the mails to `address`. @returns them, once there are that many */
export function mailsTo(sink: SmtpSink, count: number, address = RECIPIENT): Promise<ReceivedMail[]> {
  return waitFor(`${count} mails to ${address}`, () => {
    const mails = sink.to(address);
    return mails.length >= count ? mails : undefined;
  });
}

export function storedIntegration(round: Round, id = 1) {
  return round.db.collection<IntegrationDocument>('integrations').findOne({ _id: id });
}

/** Ends one session of t1 and waits until its webhooks were attempted. @returns its id */
export async function endOne(round: Round): Promise<string> {
  const sessionId = round.addSession('t1', 20);
  await round.check();
  await waitFor('the first attempts', async () => {
    const completion = (await round.all()).get(sessionId);
    const webhooks = completion?.deliveries.filter(({ channel }) => channel === 'webhook') ?? [];
    return webhooks.length > 0 && webhooks.every(({ attempts, token }) => attempts > 0 && !token);
  });
  return sessionId;
}
