import type { Facts } from './mail.schema.js';

/** The facts that IntegrationNotifications stores with a note, for the text of its mail. */
export interface IntegrationFacts extends Facts {
  at: Date;
  /** When it began to fail; the first event after the last mail where that is unknown. */
  since: Date;
  recoveredAt: Date | null;
  statusCode: number | null;
  code: string | null;
  reason: string | null;
}

/** The facts that QueuedOperatorAlerts stores of the latest alert. */
export interface OperatorFacts extends Facts {
  at: Date;
  subject: string;
  details: readonly (readonly [string, string | number])[];
}
