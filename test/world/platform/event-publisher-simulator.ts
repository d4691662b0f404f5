import { CONTRACTS } from './contracts.js';
import type { Json } from './core-store.js';
import { SimulatedServer } from './simulated-server.js';

/** A flow trigger that was accepted. */
export interface Trigger {
  type: 'chat-session-completed' | 'survey-completed';
  organizationId: string;
  tenantId: string;
  /** Id of the session, or of the survey. */
  id: string;
  /** Of the survey, too. */
  sessionId: string;
  /** The session or survey; undefined when bodies are not kept. */
  body: Json | undefined;
  /** The header `Idempotency-Key`. */
  idempotencyKey: string | undefined;
  at: number;
}

/** Simulates hbf-event-publisher: keeps what was triggered. */
export class EventPublisherSimulator {
  readonly server: SimulatedServer;
  readonly triggers: Trigger[] = [];
  /** Benchmarks switch this off. */
  keepBodies = true;

  private listener: (trigger: Trigger) => void = () => undefined;

  constructor(coreToken: string) {
    this.server = new SimulatedServer({
      service: 'hbf-event-publisher',
      contracts: CONTRACTS['hbf-event-publisher'],
      authorize: (_route, token) => token === coreToken,
      handlers: {
        'POST /connectors/flows:trigger': ({ query, body, headers, at }) => {
          const payload = body as Json & { id: string; session?: string };
          const type = query.get('triggerType') as Trigger['type'];
          const trigger: Trigger = {
            type,
            organizationId: query.get('organizationId')!,
            tenantId: query.get('tenantId')!,
            id: payload.id,
            sessionId: type === 'survey-completed' ? String(payload.session) : payload.id,
            body: this.keepBodies ? payload : undefined,
            idempotencyKey: headers['idempotency-key'] as string | undefined,
            at,
          };
          this.triggers.push(trigger);
          this.listener(trigger);
          return { status: 200, body: {} };
        },
      },
    });
  }

  /** Called for every trigger that is accepted. */
  onTrigger(listener: (trigger: Trigger) => void): void {
    this.listener = listener;
  }

  /** The triggers for that session, or for that survey. */
  triggersOf(id: string): Trigger[] {
    return this.triggers.filter((trigger) => trigger.id === id);
  }
}
