/** Failures that only the operators of the service can mend. */
export type OperatorAlertKind =
  'core-refuses' | 'training-failed' | 'session-check-late' | 'tenant-disabled' | 'clocks-apart' | 'deliveries-dead';

/** One alert. `details` are shown in the mail: never put a secret, a URL query or a transcript in. */
export interface OperatorAlert {
  readonly kind: OperatorAlertKind;
  /** What the alert is about within its kind (a tenant, a corpus…): mails are throttled per kind and key. */
  readonly key: string;
  readonly subject: string;
  /** How often it has happened since the alert before; 1 where it is not said. */
  readonly count?: number;
  readonly details: Readonly<Record<string, string | number>>;
}

/**
 * Mails the operators (OPERATOR_EMAIL_RECIPIENTS) about failures that they must mend.
 *
 * Raising is cheap and never sends a mail itself: the mail is queued and a background worker sends it. The same kind
 * and key is mailed at most once an hour, so a caller may raise on every occurrence.
 */
export abstract class OperatorAlerts {
  /** Queues the alert's mail, unless one of the same kind and key was queued within the last hour. Never rejects. */
  abstract raise(alert: OperatorAlert): Promise<void>;
}
