import type { EndedSession } from '../../completions/completion.js';
import type { Delivery } from '../../completions/delivery.js';
import type { DeliveryResult } from '../../completions/transitions.js';
import type { Integration } from '../../integrations/integration.schema.js';
import type { HasSurveys } from '../../platform/core/survey-directory.js';
import type { PayloadSource } from '../payload-source.js';

/** A claimed delivery, and what is told of it. */
export interface ClaimedAttempt {
  session: EndedSession & { completedAt?: Date };
  delivery: Delivery;
  /** Webhooks only: the integration as it is now; undefined when it was removed. */
  integration: Integration | undefined;
}

/** What a channel needs for one attempt. */
export interface Attempt extends ClaimedAttempt {
  source: PayloadSource;
  /** Asked after the session was completed, together with its neighbours; unknown at later attempts. */
  hasSurveys?: HasSurveys;
  /** The end of the claim's lease, in the database's time: nothing new may be begun after it. */
  leaseUntil: Date;
}

/**
 * One kind of destination. It returns what a remote did as a result. What keeps it from preparing an attempt
 * (SessionGoneError, PlatformError of hbf-core) it throws: AttemptRunner knows what that means for every channel.
 */
export interface DeliveryChannel {
  attempt(attempt: Attempt): Promise<DeliveryResult>;
}
