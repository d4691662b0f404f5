import { type CheckBody, checkerOf } from '../../support/published-schema.js';
import type { WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import {
  CLOSED_LIVE_CHATS,
  type ConversationOptions,
  makeConversation,
  OPEN_LIVE_CHATS,
} from '../../world/platform/conversations.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(60_000); // a busy machine must not fail it

const DAY_AND_MORE = 2_000;

/** What hbf-core's simulator can tell of sessions, with every stage of a handover. */
const CONVERSATIONS: ConversationOptions[] = [
  ...(['en', 'el'] as const).flatMap((language) =>
    [undefined, ...CLOSED_LIVE_CHATS, ...OPEN_LIVE_CHATS].map((liveChat) => ({ language, liveChat, csat: !liveChat })),
  ),
  { messages: 0 },
  { messages: 1 },
  { messages: 200, csat: true, liveChat: 'terminated' },
];

interface ApiDocument {
  openapi: string;
  webhooks: Record<string, { post: { requestBody: { content: Record<string, { schema: { $ref: string } }> } } }>;
  components: { schemas: Record<string, object> };
}

describe('what is sent, held against the schemas at /api-json', () => {
  let round: Round;
  let receiver: WebhookReceiver;
  let document: ApiDocument;
  let check: CheckBody;

  beforeAll(async () => {
    round = await Round.start('published-schema');
    document = (await (await fetch(`${round.service.url}/api-json`)).json()) as ApiDocument;
    // a schema that nothing of the bodies refers to belongs to the REST API, which has keywords of its own
    check = checkerOf(reachable(document, Object.values(schemasOf(document))));
    round.addTenant('t1', { crm: true, summarizes: true });
    receiver = await round.addWebhook('t1');
  });

  afterAll(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  it('is published for webhooks, flow triggers and survey triggers, by OpenAPI 3.1', () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(schemasOf(document)).toEqual({
      'chat-session.completed': 'ChatSessionCompleted',
      'flow.chat-session-completed': 'ChatSessionCompletedTrigger',
      'flow.survey-completed': 'SurveyCompletedTrigger',
    });
  });

  it('fits, for all conversations, handovers included', async () => {
    const ids = CONVERSATIONS.map((conversation) => round.addSession('t1', DAY_AND_MORE, { conversation }));
    for (const id of ids.slice(0, 3)) {
      round.core.addContact({ tenantId: 't1', handle: String(round.core.session(id).rest['subscriberHandle']) });
      const chatSession = { id, status: 'COMPLETED', ...makeConversation({ liveChat: 'transferred', csat: true }) };
      round.core.addSurvey({ sessionId: id, fields: { chatSession } });
      round.core.addSurvey({ sessionId: id });
    }
    await round.check();
    await round.allSettled(30_000);

    const { triggers } = round.platform.publisher;
    const bodiesOf = (type: string) => triggers.filter((trigger) => trigger.type === type).map(({ body }) => body);
    const sent = {
      ChatSessionCompleted: receiver.received.map(({ body }) => body),
      ChatSessionCompletedTrigger: bodiesOf('chat-session-completed'),
      SurveyCompletedTrigger: bodiesOf('survey-completed'),
    };
    expect(Object.values(sent).map(({ length }) => length)).toEqual([ids.length, ids.length, 6]);
    for (const [schema, bodies] of Object.entries(sent)) {
      expect([schema, bodies.flatMap((body) => check(schema, body))]).toEqual([schema, []]);
    }
    const roles = receiver.received.flatMap(({ body }) => body!['participants'] as { role: string }[]);
    expect(new Set(roles.map(({ role }) => role))).toEqual(new Set(['BOT', 'END_USER', 'AGENT']));
    for (const { body, raw, sessionId } of receiver.received) {
      const { webhook, ...rest } = body!;
      expect(webhook).toEqual({ schema: 'chat-session.completed/1', revision: 1 });
      expect(raw.endsWith(',"webhook":{"schema":"chat-session.completed/1","revision":1}}')).toBe(true);
      expect(rest).toEqual(triggers.find(({ id }) => id === sessionId)!.body);
    }
  });

  it('fits when it is the example of a test call', async () => {
    round.core.addUser({ token: 'token-admin', organizationRoles: { 'org-t1': ['HBF_ORG_ADMIN'] } });
    const before = receiver.received.length;
    const headers = { authorization: 'Bearer token-admin' };
    await fetch(`${round.service.url}/organizations/org-t1/integrations/1/test`, { method: 'POST', headers });
    const { body } = receiver.received[before]!;
    expect(check('ChatSessionCompleted', body)).toEqual([]);
    expect(body).toMatchObject({ duration: 60_000, webhook: { revision: 1, test: true } });
  });
});

/** The name of the schema of each body, by webhook. */
function schemasOf({ webhooks }: ApiDocument): Record<string, string> {
  const names = Object.entries(webhooks).map(([name, { post }]) => {
    return [name, post.requestBody.content['application/json']!.schema.$ref.split('/').at(-1)!] as const;
  });
  return Object.fromEntries(names);
}

/** These schemas and all that they refer to. */
function reachable({ components }: ApiDocument, names: string[]): Record<string, object> {
  const found = new Map<string, object>();
  for (const name of names) {
    const schema = components.schemas[name]!;
    found.set(name, schema);
    const inner = [...JSON.stringify(schema).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, ref]) => ref!);
    names.push(...inner.filter((ref) => !names.includes(ref)));
  }
  return Object.fromEntries(found);
}
