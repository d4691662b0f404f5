import { Injectable } from '@nestjs/common';
import { NlpClient } from '../../platform/nlp/nlp.client.js';
import { idempotencyKey } from '../../completions/delivery.js';
import type { DeliveryResult } from '../../completions/transitions.js';
import type { Attempt, DeliveryChannel } from './delivery-channel.js';
import { outcomeOf } from './platform-outcome.js';

/** Asks hbf-nlp to analyse the session. A 2xx says that it was asked, not that the analysis is done. */
@Injectable()
export class AnalysisChannel implements DeliveryChannel {
  constructor(private readonly nlp: NlpClient) {}

  async attempt({ session }: Attempt): Promise<DeliveryResult> {
    const { organizationId, tenantId, sessionId } = session;
    const key = idempotencyKey(session._id, 'analysis');
    return outcomeOf(this.nlp.analyze({ organizationId, tenantId, sessionId, idempotencyKey: key }));
  }
}
