import { Injectable } from '@nestjs/common';
import { PlatformHttp } from '../platform-http.js';

export interface AnalysisRequest {
  organizationId: string;
  tenantId: string;
  sessionId: string;
  /** The same over all attempts. */
  idempotencyKey: string;
}

/** hbf-nlp. All methods reject with PlatformError and try once: their callers have retry schedules of their own. */
@Injectable()
export class NlpClient {
  constructor(private readonly http: PlatformHttp) {}

  /** Asks for a session's analysis and does not wait for it; hbf-nlp writes the result to hbf-core by itself. */
  analyze({ organizationId, tenantId, sessionId, idempotencyKey }: AnalysisRequest): Promise<{ status: number }> {
    return this.http.status({
      service: 'hbf-nlp',
      method: 'POST',
      route: '/organizations/{organizationId}/tenants/{tenantId}/sessions/{sessionId}/analyze',
      params: { organizationId, tenantId, sessionId },
      idempotencyKey,
    });
  }

  /** Starts a training and does not wait for it. */
  async trainPipeline(id: string): Promise<void> {
    await this.http.status({
      service: 'hbf-nlp',
      method: 'POST',
      route: '/nlp-pipelines/{id}/train',
      params: { id },
    });
  }
}
