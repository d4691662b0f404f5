import fc from 'fast-check';
import { readChatSession } from '../platform/core/chat-session.dto.js';
import { readSurvey } from '../platform/core/survey.dto.js';
import { readTenant } from '../platform/core/tenant.dto.js';
import { buildSessionPayload, buildWebhookPayload } from './session-payload.js';
import { buildSurveyPayload } from './survey-payload.js';

const SECRET = 'pl4nted-s3cret';

const rawTenant = {
  id: 't1',
  organizationId: 'o1',
  displayName: 'Acme',
  tags: ['a'],
  space: 'cx',
  image: { url: SECRET },
  systemSettings: { nlpAccessToken: SECRET },
  plugins: [{ category: 'CRM', integration: { apiKey: SECRET } }],
};
const tenant = readTenant(rawTenant);
const publicTenant = { id: 't1', organizationId: 'o1', displayName: 'Acme', tags: ['a'], space: 'cx' };

const raw = {
  id: 's1',
  status: 'ACTIVE',
  lastInteraction: '2026-01-01T00:00:00Z',
  duration: 60_000,
  subscriberHandle: 'dl-1',
  tenant: rawTenant,
  intents: { greet: 2 },
  features: { topic: { name: 'x' } },
  metadata: { deploymentId: 'd1', subscriberCustomData: { plan: 'gold' } },
  variables: [{ name: 'city', value: 'Athens' }],
  csatSurveys: [{ id: 'c1', name: 'csat', status: 'ANSWERED', sectionsScore: { speed: 5 } }],
  conversationNodes: [{ nodeId: 'n1', appearances: 2 }],
  messages: [
    { id: 'm1', message: 'hi', subscriberHandle: 'dl-1', subscriberName: 'Ada', date: '2026-01-01T00:00:00.000Z' },
    { id: 'm2', message: 'hello', subscriberName: 'bot', date: 1_767_225_601_000, type: 'BRAND_NEW' },
    { id: 'm3', message: 'bye', subscriberHandle: 'dl-1', subscriberName: 'Ada', date: 'some day' },
    { id: 'm4', message: 'bye', subscriberHandle: 'dl-1', subscriberName: 'Ada', date: null },
  ],
  liveChats: [{ liveChatEventType: 'LIVECHAT_TERMINATED', agents: ['kim@example.org'] }],
};

function build(session: object, extra = {}): Record<string, unknown> {
  return buildSessionPayload({ session: readChatSession(session), tenant, contacts: [], ...extra });
}

describe('buildSessionPayload', () => {
  it("is the session's own fields, completed, with tenant, participants and contacts", () => {
    expect(build(raw, { contacts: [{ crmId: 7 }] })).toEqual({
      ...raw,
      status: 'COMPLETED',
      organizationId: 'o1',
      tenantId: 't1',
      tenant: publicTenant,
      messages: [
        { ...raw.messages[0], date: Date.parse('2026-01-01T00:00:00.000Z') },
        raw.messages[1],
        { id: 'm3', message: 'bye', subscriberHandle: 'dl-1', subscriberName: 'Ada' },
        { id: 'm4', message: 'bye', subscriberHandle: 'dl-1', subscriberName: 'Ada' },
      ],
      participants: [
        { subscriberHandle: 'dl-1', name: 'Ada', email: null, role: 'END_USER' },
        { subscriberHandle: null, name: 'bot', email: null, role: 'BOT' },
        { subscriberHandle: null, name: null, email: 'kim@example.org', role: 'AGENT' },
      ],
      contacts: [{ crmId: 7 }],
    });
  });

  it('gives empty lists for null and missing ones, and believes only the tenant that was asked for', () => {
    const bare = { id: 's1', lastInteraction: 0, messages: null, tenantId: 'other', organizationId: 'other' };
    expect(build(bare)).toEqual({
      id: 's1',
      lastInteraction: 0,
      status: 'COMPLETED',
      organizationId: 'o1',
      tenantId: 't1',
      tenant: publicTenant,
      messages: [],
      liveChats: [],
      participants: [],
      contacts: [],
    });
  });

  it('has for webhooks one member more, the last, with all that is of this service', () => {
    const input = { session: readChatSession(raw), tenant, contacts: [] };
    const webhook = (more: object) => buildWebhookPayload({ ...input, revision: 1, ...more });
    const member = { schema: 'chat-session.completed/1', revision: 1 };
    expect(webhook({})).toEqual({ ...build(raw), webhook: member });
    expect(Object.keys(webhook({})).at(-1)).toBe('webhook');
    expect(webhook({ revision: 2, test: true })['webhook']).toEqual({ ...member, revision: 2, test: true });
    for (const name of ['revision', 'test', 'schema']) expect(webhook({ test: true })).not.toHaveProperty(name);
  });

  it('never throws on a session that could be read, and never changes it', () => {
    const messages = fc.oneof(fc.constantFrom(null, undefined), fc.array(fc.dictionary(messageField, fc.jsonValue())));
    const liveChats = fc.array(fc.dictionary(fc.constantFrom('agents', 'tags', 'liveChatEventType'), liveChatValue));
    const extra = fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(raw)), fc.string()), fc.jsonValue());
    fc.assert(
      fc.property(extra, messages, liveChats, (fields, someMessages, someLiveChats) => {
        const session = { ...fields, id: 's1', status: 'x', lastInteraction: 1, messages: someMessages, tenant: null };
        const whole = { ...session, liveChats: someLiveChats };
        const before = structuredClone(whole);
        const payload = build(whole);
        expect(whole).toEqual(before);
        expect(JSON.parse(JSON.stringify(payload))).toMatchObject({ id: 's1', status: 'COMPLETED', tenantId: 't1' });
      }),
    );
  });

  it('lets no secret out that stands under a field it does not know, anywhere in the session', () => {
    const unknownField = fc.oneof(fc.constantFrom('tenant', 'token', 'settings', '__proto__', 'Status'), fc.string());
    fc.assert(
      fc.property(unknownField, fc.constantFrom(...PLACES), fc.jsonValue(), (field, place, besides) => {
        fc.pre(!KNOWN.has(field));
        expect(JSON.stringify(build(plant(place, field, besides)))).not.toContain(SECRET);
      }),
    );
  });

  it('lets no object out where a text is promised', () => {
    for (const field of ['summary', 'language', 'subscriberHandle', 'duration', 'intents', 'tags', 'csatSurveys']) {
      expect(JSON.stringify(build({ ...raw, [field]: { deep: { apiKey: SECRET } } }))).not.toContain(SECRET);
      expect(JSON.stringify(build({ ...raw, [field]: [{ apiKey: SECRET }] }))).not.toContain(SECRET);
    }
  });
});

const messageField = fc.oneof(
  fc.constantFrom('date', 'subscriberName', 'subscriberHandle', 'subscriberEmail', 'liveChatSender', 'tags'),
  fc.string(),
);
const liveChatValue = fc.oneof(fc.array(fc.jsonValue()), fc.jsonValue());

const PLACES = ['', 'messages', 'liveChats', 'metadata', 'csatSurveys', 'conversationNodes', 'variables'] as const;
/** Names that are let out in one part or another; in that part they are no secret's hiding place. */
const KNOWN = new Set([
  ...Object.keys(raw),
  ...['uuid', 'messageCount', 'summary', 'sentiment', 'resolution', 'urgency', 'language', 'tags', 'createdAt'],
  ...['updatedAt', 'userInteractionCount', 'containsUserInteraction', 'value', 'subscriberCustomData'],
]);

/** The session with a secret under `field`, in one of its parts. */
function plant(place: (typeof PLACES)[number], field: string, besides: unknown): object {
  const planted = Object.fromEntries([[field, { apiKey: SECRET, besides, list: [SECRET] }]]);
  if (place === '') return { ...planted, ...raw };
  const part = raw[place];
  return {
    ...raw,
    [place]: Array.isArray(part) ? part.map((entry) => ({ ...planted, ...entry })) : { ...planted, ...part },
  };
}

describe('buildSurveyPayload', () => {
  const survey = {
    id: 'v1',
    session: 's1',
    subscriber: 'dl-1',
    type: 'INTERVIEW',
    tenantId: 'other',
    questions: [{ questionId: 'q1', question: 'How?', answer: 'Well', sourceActivityName: 'a', apiKey: SECRET }],
    chatSession: raw,
    tenant: rawTenant,
    newKind: { token: SECRET },
  };

  it('is the survey with its session reduced, and no secret', () => {
    const payload = buildSurveyPayload({ survey: readSurvey(survey), tenant });
    expect(payload).toMatchObject({
      id: 'v1',
      session: 's1',
      subscriber: 'dl-1',
      type: 'INTERVIEW',
      organizationId: 'o1',
      tenantId: 't1',
      questions: [{ questionId: 'q1', question: 'How?', answer: 'Well', sourceActivityName: 'a' }],
      chatSession: { id: 's1', tenant: publicTenant, tenantId: 't1', messages: [{ id: 'm1' }, {}, {}, {}] },
    });
    expect(JSON.stringify(payload)).not.toContain(SECRET);
  });

  it('never throws on a survey that could be read', () => {
    const fields = fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(survey)), fc.string()), fc.jsonValue());
    fc.assert(
      fc.property(fields, (some) => {
        const payload = buildSurveyPayload({ survey: readSurvey({ ...some, id: 'v1' }), tenant });
        expect(JSON.parse(JSON.stringify(payload))).toMatchObject({ id: 'v1', organizationId: 'o1', tenantId: 't1' });
      }),
    );
  });
});
