import type { Integration } from '../../integrations/integration.schema.js';
import type { HasSurveys } from '../../platform/core/survey-directory.js';
import type { Completion, Delivery } from '../completion.js';
import type { SessionMaterial } from '../session-material.js';
import type { DeliveryResult } from '../settlement.js';

/** What a channel needs for one attempt. */
export interface Attempt {
  completion: Pick<Completion, '_id' | 'sessionId' | 'organizationId' | 'tenantId' | 'detectedAt' | 'completedAt'>;
  delivery: Delivery;
  material: SessionMaterial;
  /** Asked after the session was completed, together with its neighbours; unknown at later attempts. */
  hasSurveys?: HasSurveys;
  /** Webhooks only: the integration as it is now; undefined when it was removed. */
  integration: Integration | undefined;
  /** Epoch milliseconds of this machine's clock after which nothing new may be begun: the claim's lease ends. */
  deadline: number;
}

/**
 * One kind of destination. It reports what a remote did as a result. What keeps it from preparing an attempt
 * (SessionGoneError, PlatformError of hbf-core) it throws: DeliveryRunner knows what that means for every channel.
 */
export interface DeliveryChannel {
  attempt(attempt: Attempt): Promise<DeliveryResult>;
}
