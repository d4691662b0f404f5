export interface ActiveSessionsQuery {
  /** hbf-core has an index for lists of one tenant only. */
  tenantId: string;
  /** The scan's cutoff: one for all its pages, as they shift while sessions are completed. */
  lastInteractionBefore: Date;
  /** From 0. */
  page: number;
  pageSize: number;
  includeMessages: boolean;
}

export interface SessionQuery {
  includeMessages: boolean;
  /** Whose session it must be; undefined: anybody's. */
  tenantId: string | undefined;
  /** Whether it is tried again where it fails, as it is unless said otherwise; not while somebody waits for it. */
  repeatable?: boolean;
}
