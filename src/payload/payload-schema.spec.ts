import fc from 'fast-check';
import { checkerOf } from '../../test/support/published-schema.js';
import { readChatSession } from '../platform/core/chat-session.dto.js';
import { readTenant } from '../platform/core/tenant.dto.js';
import { exampleBodies, exampleWebhookBody } from './example-bodies.js';
import { exampleSession, exampleSurvey } from './example-session.js';
import type { Field, Structure } from './field.js';
import { type JsonSchema, publishedSchemas } from './json-schema.js';
import { FLOW_BODY, SURVEY_BODY, WEBHOOK_BODY } from './payload-schema.js';
import { buildSessionPayload, buildWebhookPayload } from './session-payload.js';
import { buildSurveyPayload } from './survey-payload.js';

const OF = { organizationId: 'o1', tenantId: 't1', sessionId: 's1', at: 1_767_225_600_000 };
const check = checkerOf(publishedSchemas());
const test = JSON.parse(exampleWebhookBody(OF).toString()) as object;

/** The paths of all fields that the schema has: `messages[].date`. */
function published({ fields }: Structure, before = ''): string[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const path = `${before}${name}`;
    const inner = innerOf(field);
    return inner ? [path, ...published(inner, field.kind === 'list' ? `${path}[].` : `${path}.`)] : [path];
  });
}

function innerOf(field: Field): Structure | undefined {
  if (field.kind === 'object') return field.of;
  return field.kind === 'list' && field.of.kind === 'object' ? field.of.of : undefined;
}

/** The paths of all fields that a body has, down to where the schema knows no fields. */
function sent(value: unknown, { fields }: Structure, before = ''): string[] {
  return Object.entries(value as object).flatMap(([name, member]: [string, unknown]) => {
    const path = `${before}${name}`;
    const inner = fields[name] && innerOf(fields[name]);
    if (!inner || member === null) return [path];
    if (!Array.isArray(member)) return [path, ...sent(member, inner, `${path}.`)];
    return [path, ...member.flatMap((entry) => sent(entry, inner, `${path}[].`))];
  });
}

const unique = (paths: string[]) => [...new Set(paths)].sort();

/** The same with a field that nobody knows in every object. */
function withStranger(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withStranger);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, withStranger(member)]);
  return { ...Object.fromEntries(members), stranger: 'pl4nted-s3cret' };
}

describe('the published schemas', () => {
  const { session, tenant, contacts } = exampleSession(OF);
  const survey = buildSurveyPayload(exampleSurvey(OF));

  it.each([
    ['webhook', WEBHOOK_BODY, test],
    ['flow trigger', FLOW_BODY, buildSessionPayload({ session, tenant, contacts })],
    ['survey trigger', SURVEY_BODY, survey],
  ])('of a %s have every field that is sent, and no other', (_, structure, body) => {
    expect(unique(sent(body, structure))).toEqual(unique(published(structure)));
    expect(check(structure.name, body)).toEqual([]);
  });

  it('have every field that is sent of a session with fields that nobody knows, which stay here', () => {
    const raw = withStranger(session.raw) as Record<string, unknown>;
    const publicTenant = readTenant(withStranger(tenant.publicFields));
    const known = { ...raw, features: {}, metadata: { ...(raw['metadata'] as object), subscriberCustomData: {} } };
    const input = { session: readChatSession(known), tenant: publicTenant, contacts, revision: 3 };
    const body = buildWebhookPayload(input);
    const maps = JSON.stringify(body).match(/"stranger"/g);
    expect(check('ChatSessionCompleted', { ...body, csatSurveys: [], intents: {} })).toEqual([]);
    expect(maps).toHaveLength(2); // the names of intents and of the sections of a survey are the customer's own
    const told = { ...exampleSurvey(OF).survey.raw, id: 'v1' };
    const strange = { id: 'v1', sessionId: 's1', raw: { ...(withStranger(told) as object), chatSession: known } };
    const strangeBody = buildSurveyPayload({ survey: strange, tenant: publicTenant });
    expect(unique(sent(strangeBody, SURVEY_BODY))).toEqual(unique(published(SURVEY_BODY)));
  });

  it('fit the examples, and an empty session', () => {
    for (const [name, body] of Object.entries(exampleBodies())) expect([name, check(name, body)]).toEqual([name, []]);
    const empty = readChatSession({ id: 's1', lastInteraction: '2026-01-01T00:00:00Z' });
    const input = { session: empty, tenant: readTenant({ id: 't1', organizationId: 'o1' }), contacts: [] };
    expect(check('ChatSessionCompleted', buildWebhookPayload({ ...input, revision: 1 }))).toEqual([]);
    expect(check('ChatSessionCompletedTrigger', buildSessionPayload(input))).toEqual([]);
    const survey = { id: 'v1', sessionId: undefined, raw: { id: 'v1' } };
    expect(check('SurveyCompletedTrigger', buildSurveyPayload({ survey, tenant: input.tenant }))).toEqual([]);
  });

  it('refuse what is not published: in strict validation another field is a mistake', () => {
    expect(check('ChatSessionCompleted', { ...test, stranger: 1 })).toHaveLength(1);
    expect(check('ChatSessionCompleted', { ...test, duration: 'a minute' })).toHaveLength(1);
    expect(check('ChatSessionCompletedTrigger', test)).toHaveLength(1);
  });

  it('hold for whatever hbf-core tells, but for the kind of its scalars, which pass as they are', () => {
    const loose = checkerOf(loosened(publishedSchemas()) as Record<string, object>);
    const names = Object.keys(session.raw).filter((name) => name !== 'status');
    const entry = fc.dictionary(
      fc.constantFrom('id', 'date', 'tags', 'agents', 'name', 'value', 'role'),
      fc.jsonValue(),
    );
    const value = fc.oneof(fc.jsonValue(), fc.array(entry, { maxLength: 5 }), entry);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), value), (some) => {
        const messages = Array.isArray(some['messages']) ? some['messages'].filter(isPlain) : [];
        const liveChats = Array.isArray(some['liveChats']) ? some['liveChats'].filter(isPlain) : [];
        const raw = { ...some, id: 's1', lastInteraction: 1, messages, liveChats };
        const body = buildWebhookPayload({ session: readChatSession(raw), tenant, contacts, revision: 1 });
        expect(loose('ChatSessionCompleted', JSON.parse(JSON.stringify(body)))).toEqual([]);
      }),
    );
  });
});

const SCALAR_TYPES = ['string', 'integer', 'boolean'];
const ANY_SCALAR = { anyOf: ['string', 'number', 'boolean', 'null'].map((type) => ({ type })) };

/** The same schemas with any scalar where they say which. */
function loosened(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(loosened);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { type, format: _format, ...rest } = schema as JsonSchema;
  const kind = Array.isArray(type) ? (type as string[])[0]! : type;
  const others = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, loosened(value)]));
  if (typeof kind !== 'string') return type === undefined ? others : { ...others, type: loosened(type) };
  if (!SCALAR_TYPES.includes(kind)) return { ...others, type };
  return 'enum' in others || 'const' in others || 'minimum' in others ? { ...others, type } : ANY_SCALAR;
}

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
