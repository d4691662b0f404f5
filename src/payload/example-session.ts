import type { SessionPayloadInput } from './session-payload.js';
import { readChatSession } from '../platform/core/chat-session.dto.js';
import { readSurvey, type Survey } from '../platform/core/survey.dto.js';
import { readTenant, type Tenant } from '../platform/core/tenant.dto.js';
import type { JsonObject } from '../platform/shape.js';

const USER = { subscriberHandle: 'example-user', subscriberName: 'Example User', subscriberEmail: 'user@example.com' };
const BOT = { subscriberHandle: null, subscriberName: 'bot', subscriberEmail: null };
const AGENT = {
  subscriberHandle: 'example-agent',
  subscriberName: 'Example Agent',
  subscriberEmail: 'agent@example.com',
};
const COMMON = { type: 'TEXT', category: 'COMMON', tags: [], language: 'en' };
const LIVE_CHAT = { ...COMMON, category: 'LIVE_CHAT', liveChatConversationId: 'example-conversation' };

/** What an example is about. */
export interface ExampleOf {
  organizationId: string;
  tenantId: string;
  sessionId: string;
  /** When the session "ended", epoch milliseconds. */
  at: number;
}

/** An invented session of one minute, with every field that may leave, as hbf-core tells real ones. */
export function exampleSession({ organizationId, tenantId, sessionId, at }: ExampleOf): SessionPayloadInput {
  const session = readChatSession(rawSession(sessionId, at));
  const contacts = [{ id: 'example-contact', fullName: USER.subscriberName, email: USER.subscriberEmail }];
  return { session, tenant: exampleTenant(organizationId, tenantId), contacts };
}

/** An invented survey of that session. */
export function exampleSurvey({ organizationId, tenantId, sessionId, at }: ExampleOf): {
  survey: Survey;
  tenant: Tenant;
} {
  const survey = readSurvey({
    id: 'example-survey',
    session: sessionId,
    subscriber: USER.subscriberHandle,
    type: 'USER_FEEDBACK',
    questions: [
      { questionId: 'q1', question: 'Would you recommend us?', answer: 'Yes', sourceActivityName: 'feedback' },
    ],
    createdAt: isoTime(at),
    updatedAt: isoTime(at),
    chatSession: rawSession(sessionId, at),
  });
  return { survey, tenant: exampleTenant(organizationId, tenantId) };
}

function exampleTenant(organizationId: string, id: string): Tenant {
  return readTenant({
    id,
    displayName: 'Example',
    description: 'An invented tenant',
    organizationId,
    timezone: 'Europe/Athens',
    image: 'https://www.example.com/logo.png',
    tags: ['example'],
    space: 'cx',
  });
}

function rawSession(id: string, at: number): JsonObject {
  return {
    id,
    uuid: id,
    status: 'COMPLETED',
    duration: 60_000,
    messageCount: 5,
    summary: 'The user asks for the opening hours, and speaks to an agent.',
    sentiment: 'POSITIVE',
    resolution: 'RESOLVED',
    urgency: 'LOW',
    features: { topic: { name: 'opening hours' } },
    csatSurveys: [{ id: 'example-csat', name: 'satisfaction', status: 'ANSWERED', sectionsScore: { overall: 5 } }],
    subscriberHandle: USER.subscriberHandle,
    language: 'en',
    tags: ['example'],
    lastInteraction: isoTime(at),
    conversationNodes: [{ nodeId: 'example-node', appearances: 1 }],
    intents: { opening_hours: 1 },
    createdAt: isoTime(at - 60_000),
    updatedAt: isoTime(at),
    containsUserInteraction: true,
    userInteractionCount: 2,
    metadata: {
      subscriberName: USER.subscriberName,
      subscriberEmail: USER.subscriberEmail,
      subscriberCustomData: { plan: 'basic' },
      deploymentId: 'example-deployment',
      deploymentName: 'Web chat',
      platformOrigin: 'https://www.example.com',
      deploymentPlatform: 'MICROSOFT_WEBCHAT',
      isSubscriberNew: true,
    },
    variables: [{ name: 'city', value: 'Athens' }],
    messages: rawMessages(at),
    liveChats: [
      {
        waitingTime: 5,
        liveChatEventType: 'LIVECHAT_TERMINATED',
        duration: 35,
        responseTime: [10],
        updatedAt: isoTime(at),
        lastEndUserMessageAt: isoTime(at - 10_000),
        lastSender: 'AGENT',
        conversationId: LIVE_CHAT.liveChatConversationId,
        agents: [AGENT.subscriberEmail],
        tags: ['example'],
      },
    ],
  };
}

function rawMessages(at: number): JsonObject[] {
  return [
    {
      ...message(1, at - 60_000, 'Are you open today?'),
      ...USER,
      isUserInteraction: true,
      intentName: 'opening_hours',
    },
    {
      ...message(2, at - 58_000, 'Yes, until six o’clock.'),
      ...BOT,
      isUserInteraction: false,
      responseToId: 'example-1',
      conversationNode: 'example-node',
    },
    {
      ...message(3, at - 25_000, 'Shall I keep one for you?', 'LIVECHAT_MESSAGE_EXCHANGED'),
      ...AGENT,
      isUserInteraction: true,
      liveChatSender: 'AGENT',
    },
    {
      ...message(4, at - 10_000, 'Yes, please.', 'LIVECHAT_MESSAGE_EXCHANGED'),
      ...USER,
      isUserInteraction: true,
      liveChatSender: 'END_USER',
    },
    { ...message(5, at, '', 'LIVECHAT_TERMINATED'), ...AGENT, isUserInteraction: true, liveChatSender: 'AGENT' },
  ];
}

function message(nth: number, date: number, text: string, liveChatEventType?: string): JsonObject {
  const base = liveChatEventType === undefined ? COMMON : { ...LIVE_CHAT, liveChatEventType };
  return { id: `example-${nth}`, message: text, date, ...base };
}

function isoTime(at: number): string {
  return new Date(at).toISOString();
}
