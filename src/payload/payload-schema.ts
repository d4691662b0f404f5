import { type Fields, integer, listOf, object, objects, type Shape, type Structure, text } from './field.js';
import { ADDED_FIELDS, SESSION_FIELDS } from './session-fields.js';
import { WEBHOOK_SCHEMA } from './session-payload.js';
import { SURVEY_FIELDS } from './survey-fields.js';

/** It is there, and made by this service. */
const OURS = { absent: undefined, nullable: false, from: 'this service' };

const PARTICIPANT: Structure = {
  name: 'SessionParticipant',
  about: 'A party of a session. A field that no message tells is null.',
  fields: {
    subscriberHandle: text('Its handle', { ...OURS, nullable: true }),
    name: text('Its name', { ...OURS, nullable: true }),
    email: text('Its e-mail address', { ...OURS, nullable: true }),
    role: { ...text('What it is in the session', OURS), kind: 'text', only: ['END_USER', 'AGENT', 'BOT'] },
  },
};

const WEBHOOK: Structure = {
  name: 'WebhookFacts',
  about: 'What this service says of the body.',
  fields: {
    schema: { ...text('The schema of this body and its version', OURS), kind: 'text', only: [WEBHOOK_SCHEMA] },
    revision: {
      ...integer('1 the first time that the session ended; one more each time that the user came back and it ended again', OURS), // prettier-ignore
      kind: 'integer',
      minimum: 1,
    },
    test: {
      kind: 'flag',
      only: true,
      means: 'It is an example that an administrator asked for, not a session',
      absent: 'it is a session',
      from: 'this service',
    },
  },
};

const COMPLETED: Fields = {
  ...SESSION_FIELDS,
  id: text('The session: its uuid', { ...OURS, from: 'hbf-core' }),
  status: { ...text('Always COMPLETED', OURS), kind: 'text', only: ['COMPLETED'] },
  lastInteraction: { ...SESSION_FIELDS['lastInteraction']!, absent: undefined, nullable: false },
  ...ADDED_FIELDS,
  participants: objects(
    PARTICIPANT,
    'Each party once, in the order of first messages, then agents of live chats that never wrote',
    { ...OURS, from: 'this service, of messages and liveChats' },
  ),
  contacts: listOf({ kind: 'any' }, 'What the CRM knows of the end user, of any shape; empty without a CRM or where it answers nothing', { ...OURS, from: "the tenant's CRM, through hbf-core" }), // prettier-ignore
};

/** The body of a webhook. */
export const WEBHOOK_BODY: Structure = {
  name: 'ChatSessionCompleted',
  about: 'A chat session that has ended, as webhooks get it.',
  fields: { ...COMPLETED, webhook: object(WEBHOOK, "All that is this service's own; the last member", OURS) },
};

/** The body of the flow trigger `chat-session-completed`. */
export const FLOW_BODY: Structure = {
  name: 'ChatSessionCompletedTrigger',
  about: 'A chat session that has ended, as flows get it: what webhooks get, without the member webhook.',
  fields: COMPLETED,
};

const SURVEY_SESSION: Structure = {
  name: 'SurveySession',
  about: 'The session of a survey, as hbf-core tells it with the survey.',
  fields: { ...SESSION_FIELDS, ...ADDED_FIELDS },
};

/** The body of the flow trigger `survey-completed`. */
export const SURVEY_BODY: Structure = {
  name: 'SurveyCompletedTrigger',
  about: 'A survey of a chat session that has ended, as flows get it.',
  fields: {
    ...SURVEY_FIELDS,
    organizationId: text('The organization of the tenant', OURS),
    tenantId: text('The tenant of the session', OURS),
    chatSession: object(SURVEY_SESSION, 'The session; null if hbf-core tells none', { absent: undefined }),
  },
};

/** Every body that is published. */
export const BODIES: readonly Structure[] = [WEBHOOK_BODY, FLOW_BODY, SURVEY_BODY];

/** The structures that a body is made of, itself first, each once. */
export function structuresOf(body: Structure): Structure[] {
  const found = new Set<Structure>();
  const visit = (structure: Structure) => {
    found.add(structure);
    for (const field of Object.values(structure.fields)) {
      const shape: Shape = field.kind === 'list' ? field.of : field;
      if (shape.kind === 'object') visit(shape.of);
    }
  };
  visit(body);
  return [...found];
}
