import type { Reception, WebhookReceiver } from '../world/receivers/webhook-receiver.js';
import { noteArrivals } from '../world/world.js';
import type { Narrator } from './narrator.js';
import type { Stage } from './stage.js';
import { COMPLETION, type Tally } from './tally.js';

/** Every fifteenth flow trigger is refused once. */
const REFUSES_EVERY = 15;

/** Counts and prints what the platform and the customers receive; the service itself is not asked. */
export function observe(stage: Omit<Stage, 'service'>, tally: Tally, narrator: Narrator): void {
  observePlatform(stage, tally, narrator);
  for (const receiver of Object.values(stage.receivers)) observeCustomer(receiver, tally, narrator);
  stage.smtp.onMail((mail) => narrator.mail(mail));
}

function observePlatform({ platform }: Omit<Stage, 'service'>, tally: Tally, narrator: Narrator): void {
  const { core, publisher, nlp } = platform;
  for (const server of platform.servers) server.recordRequests = false;
  publisher.keepBodies = false;
  noteArrivals(platform, tally.arrivals);
  core.onCompleted(({ id }) => tally.arrived(id, COMPLETION));
  let triggers = 0;
  publisher.server.fault({ kind: 'status', status: 503, when: () => ++triggers % REFUSES_EVERY === 0 });
  core.server.onAnswered('PATCH /chat-sessions/batch/complete', ({ body }, { status }) => {
    if (status === 204) narrator.completed((body as { ids: string[] }).ids);
  });
  publisher.server.onAnswered('POST /connectors/flows:trigger', ({ query, body }, { status }) => {
    if (status !== 200) tally.refused++;
    narrator.triggered(query.get('triggerType')!, (body as { id: string }).id, query.get('tenantId')!, status);
  });
  nlp.server.onAnswered('POST /organizations/{orgId}/tenants/{tenantId}/sessions/{sessionId}/analyze', ({ params }) =>
    narrator.analyzed(params['sessionId']!, params['tenantId']!),
  );
  nlp.server.onAnswered('POST /nlp-pipelines/{id}/train', ({ params }) => narrator.trained(params['id']!));
}

/** A delivery is recognised by its webhook-id, which stays the same over its attempts. */
function observeCustomer(receiver: WebhookReceiver, tally: Tally, narrator: Narrator): void {
  const attempts = new Map<string, number>();
  const integrationOf = ({ path }: Reception) => path.split('/').at(-1)!;
  receiver.onAccepted((reception) => tally.arrived(reception.sessionId ?? '', `webhook:${integrationOf(reception)}`));
  receiver.onReception((reception) => {
    const { webhookId, sessionId = '', status, verified } = reception;
    const nth = (attempts.get(webhookId) ?? 0) + 1;
    attempts.set(webhookId, nth);
    if (status !== 200) tally.refused++;
    narrator.webhook(integrationOf(reception), sessionId, status, nth, verified === true);
  });
}
