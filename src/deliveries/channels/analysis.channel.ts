import { Injectable } from '@nestjs/common';
import { NlpClient } from '../../platform/nlp/nlp.client.js';
import type { DeliveryResult } from '../settlement.js';
import type { Attempt, DeliveryChannel } from './delivery-channel.js';
import { outcomeOf } from './platform-outcome.js';

/** Asks hbf-nlp to analyse the session. A 2xx says that it was asked, not that the analysis is done. */
@Injectable()
export class AnalysisChannel implements DeliveryChannel {
  constructor(private readonly nlp: NlpClient) {}

  attempt({ completion }: Attempt): Promise<DeliveryResult> {
    const { organizationId, tenantId, sessionId } = completion;
    return outcomeOf(this.nlp.analyze({ organizationId, tenantId, sessionId }));
  }
}
