import type { PublicTenant } from '../platform/core/tenant.dto.js';
import {
  any,
  counts,
  dateTime,
  email,
  type Field,
  type Fields,
  flag,
  integer,
  listOf,
  object,
  objects,
  type Structure,
  text,
  texts,
} from './field.js';

/**
 * What leaves of a session, field by field after hbf-core's data model: the allow-list, and what is published of it.
 * hbf-core carries credentials beside these fields, so a field that is not listed here does not leave.
 */

const BY_ANALYSIS = { absent: 'the analysis has not run: it begins when the session has ended', from: 'hbf-nlp' };
const LIVE_CHAT_EVENTS = [
  ...['LIVECHAT_INITIALIZED', 'LIVECHAT_REQUESTED', 'LIVECHAT_REQUEST_CLOSED', 'LIVECHAT_REQUEST_ACCEPTED'],
  ...['LIVECHAT_REQUEST_MISSED', 'LIVECHAT_TERMINATION_REQUESTED', 'LIVECHAT_TERMINATED', 'LIVECHAT_ABANDONED'],
  ...['LIVECHAT_TRANSFERRED', 'LIVECHAT_MESSAGE_EXCHANGED', 'LIVECHAT_MESSAGE_TYPING', 'LIVECHAT_IS_DISABLED'],
  ...['LIVECHAT_REQUEST_EXISTS', 'LIVECHAT_OUT_OF_BUSINESS_HOURS', 'LIVECHAT_IS_IN_PROGRESS'],
  ...['LIVECHAT_GENERIC_ERROR', 'SOURCE_REQUEST_NEW_HANDOVER', 'SOURCE_PRE_REQUEST_NEW_HANDOVER'],
];
const SENDERS = { known: ['END_USER', 'AGENT'] };
const NO_LIVE_CHAT = { absent: 'the message is of no live chat' };

const TENANT_FIELDS: Record<keyof PublicTenant, Field> = {
  id: text('The tenant', { absent: undefined, nullable: false }),
  displayName: text('Its name for people'),
  description: text('What its administrators say of it'),
  organizationId: text('The organization that it belongs to', { absent: undefined, nullable: false }),
  timezone: text('Its time zone, such as Europe/Athens'),
  image: text('Address of its picture'),
  tags: texts('Its tags'),
  space: text('The space that it belongs to'),
};

export const TENANT: Structure = {
  name: 'SessionTenant',
  about: 'The tenant whose session it is.',
  fields: TENANT_FIELDS,
};

export const MESSAGE: Structure = {
  name: 'SessionMessage',
  about: 'One message of a session, a live chat event included.',
  fields: {
    id: text('The message'),
    responseToId: text('The message that the bot answers', { absent: 'it is no answer' }),
    type: text('What kind of message it is', { known: ['TEXT', 'POSTBACK', 'ATTACHMENT', 'TRIGGER'] }),
    category: text('What it belongs to', { known: ['COMMON', 'LIVE_CHAT', 'FALLBACK', 'FEEDBACK', 'BACK'] }),
    isUserInteraction: flag('Whether a user sent it'),
    subscriberHandle: text('The handle of who sent it', { absent: 'hbf-core has none, as for the bot' }),
    subscriberName: text('The name of who sent it; bot for the bot'),
    subscriberEmail: email('The e-mail address of who sent it'),
    message: text('What was said; empty for most live chat events'),
    tags: texts('Its tags'),
    intentName: text('The intent that it triggered', { absent: 'it triggered none' }),
    conversationNode: text('The conversation node that it came from or led to', { absent: 'there is none' }),
    liveChatEventType: text('The event of a live chat', { ...NO_LIVE_CHAT, known: LIVE_CHAT_EVENTS }),
    liveChatSender: text('Who of a live chat sent it', { ...NO_LIVE_CHAT, ...SENDERS }),
    liveChatConversationId: text('The conversation with the agent', NO_LIVE_CHAT),
    language: text('Its language, such as en'),
    date: integer('When it was sent', {
      unit: 'milliseconds since 1970-01-01T00:00:00Z',
      absent: "hbf-core's date cannot be read",
      nullable: false,
      from: "hbf-core; a date-time is converted to this service's unit",
    }),
  },
};

export const LIVE_CHAT: Structure = {
  name: 'SessionLiveChat',
  about: 'A handover of the session to a human agent.',
  fields: {
    waitingTime: integer('From the request to the acceptance by an agent', { unit: 'seconds' }),
    liveChatEventType: text('Its last event', { known: LIVE_CHAT_EVENTS }),
    duration: integer('From the request to its end', { unit: 'seconds' }),
    responseTime: listOf({ kind: 'integer' }, "Each agent's time until the first response", { unit: 'seconds' }),
    updatedAt: dateTime('When it last changed'),
    lastEndUserMessageAt: dateTime('When the end user last wrote in it'),
    lastSender: text('Who wrote last', SENDERS),
    conversationId: text('The conversation with the agent'),
    agents: texts('E-mail addresses of its agents'),
    tags: texts('Its tags'),
  },
};

export const METADATA: Structure = {
  name: 'SessionMetadata',
  about: 'Where the session came from.',
  fields: {
    subscriberName: text('Name of the end user'),
    subscriberEmail: email('E-mail address of the end user'),
    subscriberCustomData: any("What the tenant's page or application said of the end user, of any shape", {
      from: "the tenant's own systems",
    }),
    deploymentId: text('The deployment of the bot'),
    deploymentName: text('Its name for people'),
    platformOrigin: text('Where the chat was embedded, such as the address of a page'),
    deploymentPlatform: text('The channel, such as MICROSOFT_WEBCHAT'),
    isSubscriberNew: flag('Whether it is the first session of the end user'),
  },
};

export const CSAT_SURVEY: Structure = {
  name: 'SessionCsatSurvey',
  about: 'A question for the satisfaction of the end user.',
  fields: {
    id: text('The answered node'),
    name: text('Name of the variable of the node'),
    status: text('Whether it was answered', { known: ['PRESENTED', 'ANSWERED'] }),
    sectionsScore: counts('The score of each section, by its name'),
  },
};

export const CONVERSATION_NODE: Structure = {
  name: 'SessionConversationNode',
  about: 'A conversation node that the session came past.',
  fields: { nodeId: text('The node'), appearances: integer('How often') },
};

export const VARIABLE: Structure = {
  name: 'SessionVariable',
  about: 'A variable of the session.',
  fields: { name: text('Its name'), value: any('Its value, of any shape', { from: "the tenant's bot" }) },
};

/** ChatSessionDTO without the fields that publicSession adds. */
export const SESSION_FIELDS: Fields = {
  id: text('The session: its uuid'),
  uuid: text('The session: its uuid', { absent: 'hbf-core tells it as id alone' }),
  status: text('Its status', { known: ['ACTIVE', 'COMPLETED'] }),
  duration: integer('How long it lasted', { unit: 'milliseconds' }),
  messageCount: integer('How many messages hbf-core counts; fewer than messages holds'),
  summary: text('Summary by the analysis', BY_ANALYSIS),
  sentiment: text('Label by the analysis', BY_ANALYSIS),
  resolution: text('Label by the analysis', BY_ANALYSIS),
  urgency: text('Label by the analysis', BY_ANALYSIS),
  features: any('What the analysis found, by name', BY_ANALYSIS),
  csatSurveys: objects(CSAT_SURVEY, 'Questions for the satisfaction of the end user'),
  subscriberHandle: text('Handle of the end user'),
  language: text('Its language, such as en'),
  tags: texts('Its tags'),
  lastInteraction: dateTime('When somebody last wrote, by the clock of hbf-core'),
  conversationNodes: objects(CONVERSATION_NODE, 'The conversation nodes that it came past'),
  intents: counts('How often each intent was triggered, by its name'),
  createdAt: dateTime('When it began'),
  updatedAt: dateTime('When hbf-core last changed it'),
  containsUserInteraction: flag('Whether a user took part'),
  userInteractionCount: integer('How often a user did something'),
  metadata: object(METADATA, 'Where it came from'),
  variables: objects(VARIABLE, 'Its variables'),
};

const OURS = { absent: undefined, nullable: false, from: 'this service' };

/** What publicSession adds. */
export const ADDED_FIELDS: Fields = {
  organizationId: text('The organization of the tenant', OURS),
  tenantId: text('The tenant that hbf-core was asked for', OURS),
  tenant: object(TENANT, 'That tenant', { ...OURS, from: 'hbf-core' }),
  messages: objects(MESSAGE, 'Its messages, as hbf-core orders them; empty if there is none', {
    ...OURS,
    from: 'hbf-core',
  }),
  liveChats: objects(LIVE_CHAT, 'Its handovers to human agents; empty if there is none', { ...OURS, from: 'hbf-core' }),
};
