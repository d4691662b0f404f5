/** The events that an integration's recipients are mailed about. */
export type IntegrationEventKind = 'first-failure' | 'dead' | 'disabled' | 'recovered';

export interface IntegrationEvent {
  kind: IntegrationEventKind;
  integrationId: number;
  organizationId: string;
  at: Date;
  /** Since when it had failed, of `recovered`. */
  since?: Date;
  /** The endpoint's answer, when there was one. */
  statusCode?: number;
  /** A short machine-readable reason when there was none: `timeout`, `ECONNREFUSED`, … */
  code?: string;
  /** For people, shown in the mail: no payload, no header value. */
  reason?: string;
  /** How many deliveries became dead at once; 1 when left out. */
  count?: number;
}
