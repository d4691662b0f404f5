import type { PublishedBodies } from '../http/api-document.js';
import { exampleBodies } from '../payload/example-bodies.js';
import type { Structure } from '../payload/field.js';
import { publishedSchemas, schemaRef } from '../payload/json-schema.js';
import { FLOW_BODY, SURVEY_BODY, WEBHOOK_BODY } from '../payload/payload-schema.js';

type Webhook = PublishedBodies['webhooks'][string];
type Operation = NonNullable<Webhook['post']>;

const MORE = 'docs/webhooks.md tells of signatures, retries and order.';

const WEBHOOK_HEADERS = [
  header('webhook-id', 'The delivery: the same for every attempt and redelivery of it. Recognise repetitions by it'),
  header('webhook-timestamp', 'When this attempt was sent, in seconds since 1970-01-01T00:00:00Z'),
  header(
    'webhook-signature',
    'v1, and a base64 HMAC-SHA256, by Standard Webhooks; two while a secret is replaced',
    false,
  ),
];

const TRIGGER_HEADERS = [header('idempotency-key', 'The trigger: the same for every attempt and redelivery of it')];

/** What is sent to hbf-event-publisher carries the token of this service; webhooks are signed instead. */
const BEARER: Operation['security'] = [{ bearer: [] }];
const SIGNED: Operation['security'] = [];

/** What the service sends, for the OpenAPI document: the bodies of webhooks and of the triggers of flows. */
export function publishedWebhooks(): PublishedBodies {
  return {
    webhooks: {
      'chat-session.completed': posted(WEBHOOK_BODY, {
        operationId: 'chatSessionCompleted',
        summary: 'A chat session has ended',
        description: `Sent to the URL of each enabled integration that lists the tenant. ${MORE}`,
        security: SIGNED,
        parameters: WEBHOOK_HEADERS,
        responses: {
          '2XX': { description: 'Delivered' },
          '410': { description: 'Nothing more is wanted: the integration is disabled at once' },
          '429': { description: 'Tried again later, not before Retry-After has passed' },
          '503': { description: 'Tried again later, not before Retry-After has passed' },
          default: { description: 'Failed, redirects included: tried again later' },
        },
      }),
      'flow.chat-session-completed': posted(FLOW_BODY, {
        operationId: 'flowChatSessionCompleted',
        summary: 'A chat session has ended: trigger of flows',
        description: 'Sent to hbf-event-publisher, which starts the flows of the tenant.',
        security: BEARER,
        parameters: TRIGGER_HEADERS,
        responses: { '2XX': { description: 'Delivered' } },
      }),
      'flow.survey-completed': posted(SURVEY_BODY, {
        operationId: 'flowSurveyCompleted',
        summary: 'A survey of an ended chat session: trigger of flows',
        description: 'Sent to hbf-event-publisher once for each survey of an ended session.',
        security: BEARER,
        parameters: TRIGGER_HEADERS,
        responses: { '2XX': { description: 'Delivered' } },
      }),
    },
    schemas: publishedSchemas(),
  };
}

function posted(body: Structure, operation: Omit<Operation, 'requestBody'>): Webhook {
  const value = exampleBodies()[body.name];
  const content = { 'application/json': { schema: schemaRef(body), examples: { [body.name]: { value } } } };
  return { post: { ...operation, security: [], tags: ['Webhooks'], requestBody: { required: true, content } } };
}

function header(name: string, description: string, required = true): NonNullable<Operation['parameters']>[number] {
  return { name, in: 'header', required, description, schema: { type: 'string' } };
}
