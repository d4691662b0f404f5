import type { Reception } from '../support/webhook-receiver.js';
import type { Books } from './books.js';
import type { Narrator } from './narrator.js';
import type { Stage } from './stage.js';

/** Every fifteenth flow trigger is refused once. */
const REFUSES_EVERY = 15;

/** Writes down, and tells, what the platform and the customers are asked; the service is not asked itself. */
export function observe({ platform, receivers, smtp }: Omit<Stage, 'service'>, books: Books, narrator: Narrator): void {
  const { core, publisher, nlp } = platform;
  for (const server of platform.servers) server.recordRequests = false;
  publisher.keepBodies = false;
  let triggers = 0;
  publisher.server.fault({ kind: 'status', status: 503, when: () => ++triggers % REFUSES_EVERY === 0 });
  core.server.onAnswered('PATCH /chat-sessions/batch/complete', ({ body }, { status }) => {
    const { ids } = body as { ids: string[] };
    if (status !== 204) return;
    narrator.completed(ids);
    for (const id of ids) books.completed(id);
  });
  publisher.server.onAnswered('POST /connectors/flows:trigger', ({ query, body }, { status }) => {
    const { id, session } = body as { id: string; session?: string };
    const type = query.get('triggerType')!;
    narrator.triggered(type, id, query.get('tenantId')!, status);
    if (status !== 200) books.retried++;
    else if (type === 'survey-completed') books.heard(session!, `survey:${id}`);
    else books.heard(id, 'flow');
  });
  nlp.server.onAnswered('POST /organizations/{orgId}/tenants/{tenantId}/sessions/{sessionId}/analyze', ({ params }) => {
    narrator.analyzed(params['sessionId']!, params['tenantId']!);
    books.heard(params['sessionId']!, 'analysis');
  });
  nlp.server.onAnswered('POST /nlp-pipelines/{id}/train', ({ params }) => narrator.trained(params['id']!));
  for (const receiver of Object.values(receivers)) receiver.onReception(customer(books, narrator));
  smtp.onMail((mail) => narrator.mail(mail));
}

/** One delivery is told from the next by its webhook-id, which stays the same over its attempts. */
function customer(books: Books, narrator: Narrator): (reception: Reception) => void {
  const attempts = new Map<string, number>();
  return ({ path, webhookId, sessionId, status, verified }) => {
    const integration = path.split('/').at(-1)!;
    const nth = (attempts.get(webhookId) ?? 0) + 1;
    attempts.set(webhookId, nth);
    narrator.webhook(integration, sessionId ?? '', status, nth, verified === true);
    if (status !== 200) books.retried++;
    else books.heard(sessionId ?? '', `webhook:${integration}`);
  };
}
