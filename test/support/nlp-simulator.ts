import { CONTRACTS } from './contracts.js';
import type { PipelineStore } from './pipeline-store.js';
import { SimulatedServer } from './simulated-server.js';

/** An analysis that was accepted. */
export interface Analysis {
  organizationId: string;
  tenantId: string;
  sessionId: string;
  at: number;
}

/** A stand-in for hbf-nlp: writes down the analyses, and trains hbf-core's pipelines. */
export class NlpSimulator {
  readonly server: SimulatedServer;
  readonly analyses: Analysis[] = [];

  constructor(coreToken: string, pipelines: PipelineStore) {
    this.server = new SimulatedServer({
      service: 'hbf-nlp',
      contracts: CONTRACTS['hbf-nlp'],
      authorize: (_route, token) => token === coreToken,
      handlers: {
        'POST /organizations/{orgId}/tenants/{tenantId}/sessions/{sessionId}/analyze': ({ params, at }) => {
          const [organizationId, tenantId, sessionId] = [params['orgId']!, params['tenantId']!, params['sessionId']!];
          this.analyses.push({ organizationId, tenantId, sessionId, at });
          return { status: 204 };
        },
        'POST /nlp-pipelines/{id}/train': ({ params }) =>
          pipelines.train(params['id']!, 'hbf-nlp') ? { status: 204 } : { status: 404, body: { message: 'not found' } },
      },
    });
  }

  analysesOf(sessionId: string): Analysis[] {
    return this.analyses.filter((analysis) => analysis.sessionId === sessionId);
  }
}
