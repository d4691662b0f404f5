import type { Facts } from './mail-outbox.js';

/** What IntegrationNotifications keeps of the events until their mail is composed. */
export interface IntegrationFacts extends Facts {
  at: Date;
  /** The failure that began it; the first event that is known of when that one is not. */
  since: Date;
  recoveredAt: Date | null;
  statusCode: number | null;
  code: string | null;
  reason: string | null;
}

/** What QueuedOperatorAlerts keeps of the latest alert. */
export interface OperatorFacts extends Facts {
  at: Date;
  subject: string;
  details: readonly (readonly [string, string | number])[];
}
