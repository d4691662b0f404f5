import { CONTRACTS } from './contracts.js';
import type { PipelineStore } from './pipeline-store.js';
import { SimulatedServer } from './simulated-server.js';

/** An analysis that was accepted. */
export interface Analysis {
  organizationId: string;
  tenantId: string;
  sessionId: string;
  /** The header `Idempotency-Key`. */
  idempotencyKey: string | undefined;
  at: number;
}

/** Simulates hbf-nlp: keeps the analyses, and trains hbf-core's pipelines. */
export class NlpSimulator {
  readonly server: SimulatedServer;
  readonly analyses: Analysis[] = [];
  private listener: (analysis: Analysis) => void = () => undefined;

  constructor(coreToken: string, pipelines: PipelineStore) {
    this.server = new SimulatedServer({
      service: 'hbf-nlp',
      contracts: CONTRACTS['hbf-nlp'],
      authorize: (_route, token) => token === coreToken,
      handlers: {
        'POST /organizations/{orgId}/tenants/{tenantId}/sessions/{sessionId}/analyze': ({ params, headers, at }) => {
          const [organizationId, tenantId, sessionId] = [params['orgId']!, params['tenantId']!, params['sessionId']!];
          const idempotencyKey = headers['idempotency-key'] as string | undefined;
          const analysis = { organizationId, tenantId, sessionId, idempotencyKey, at };
          this.analyses.push(analysis);
          this.listener(analysis);
          return { status: 204 };
        },
        'POST /nlp-pipelines/{id}/train': ({ params }) =>
          pipelines.train(params['id']!, 'hbf-nlp') ? { status: 204 } : { status: 404, body: { message: 'not found' } },
      },
    });
  }

  /** Called for every analysis that is accepted. */
  onAnalysis(listener: (analysis: Analysis) => void): void {
    this.listener = listener;
  }

  analysesOf(sessionId: string): Analysis[] {
    return this.analyses.filter((analysis) => analysis.sessionId === sessionId);
  }
}
