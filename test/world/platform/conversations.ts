import { AGENTS, END_USERS, EXCHANGES, type Language, SAYINGS } from './conversation-texts.js';
import { Random } from '../../support/random.js';

/** How far a handover to a person got. All up to `transferred` are still open. */
export type LiveChatStage =
  'requested' | 'accepted' | 'exchanged' | 'transferred' | 'terminated' | 'abandoned' | 'missed';

export interface ConversationOptions {
  /** The same seed gives the same conversation. */
  seed?: number;
  /** How many messages, the live chat's included (its own are never cut). Default 20. */
  messages?: number;
  /** When the last message was written. Default now. */
  endedAt?: Date;
  language?: Language;
  liveChat?: LiveChatStage;
  csat?: boolean;
}

export interface Message {
  id: string;
  subscriberName: string;
  message: string;
  type: string;
  category: string;
  /** Epoch milliseconds. */
  date: number;
  isUserInteraction: boolean;
  language: string;
  [field: string]: unknown;
}

export interface LiveChatEntry {
  liveChatEventType: string;
  agents: string[];
  [field: string]: unknown;
}

/** The fields of a session that come from what was said in it. */
export interface Conversation {
  subscriberHandle: string;
  language: Language;
  messages: Message[];
  liveChats: LiveChatEntry[];
  messageCount: number;
  userInteractionCount: number;
  containsUserInteraction: boolean;
  duration: number;
  tags: string[];
  intents: Record<string, number>;
  conversationNodes: { nodeId: string; appearances: number }[];
  csatSurveys: object[];
  metadata: Record<string, unknown>;
  variables: { name: string; value: string }[];
  createdAt: string;
}

const STEP_MS = 1_000;

/** The events of each handover, in order; AGENT and END_USER say who. */
const HANDOVERS: Record<LiveChatStage, readonly string[]> = {
  requested: ['INITIALIZED', 'REQUESTED'],
  accepted: ['INITIALIZED', 'REQUESTED', 'REQUEST_ACCEPTED'],
  exchanged: ['INITIALIZED', 'REQUESTED', 'REQUEST_ACCEPTED', 'MESSAGE_EXCHANGED', 'MESSAGE_EXCHANGED'],
  transferred: ['INITIALIZED', 'REQUESTED', 'REQUEST_ACCEPTED', 'MESSAGE_EXCHANGED', 'TRANSFERRED'],
  terminated: ['INITIALIZED', 'REQUESTED', 'REQUEST_ACCEPTED', 'MESSAGE_EXCHANGED', 'MESSAGE_EXCHANGED', 'TERMINATED'],
  abandoned: ['INITIALIZED', 'REQUESTED', 'ABANDONED'],
  missed: ['INITIALIZED', 'REQUESTED', 'REQUEST_MISSED'],
};

export const OPEN_LIVE_CHATS: readonly LiveChatStage[] = ['requested', 'accepted', 'exchanged', 'transferred'];
export const CLOSED_LIVE_CHATS: readonly LiveChatStage[] = ['terminated', 'abandoned', 'missed'];

/** A believable conversation between an end user, the bot and perhaps an agent; no two seeds give the same. */
export function makeConversation(options: ConversationOptions = {}): Conversation {
  const talk = new Talk(options);
  const handover = options.liveChat ? HANDOVERS[options.liveChat].length + 2 : 0;
  const total = options.messages ?? 20;
  if (total > 0) talk.bot(talk.sayings.greeting);
  while (talk.messages.length + handover + 2 <= total) talk.exchange();
  if (options.liveChat) talk.handOver(options.liveChat);
  while (talk.messages.length < total) talk.bot(talk.sayings.rating);
  return talk.finish(options);
}

class Talk {
  readonly messages: Message[] = [];
  readonly language: Language;
  private readonly random: Random;
  private readonly user: { handle: string; name: string };
  private readonly agent: (typeof AGENTS)[number];
  private readonly intents: Record<string, number> = {};
  private readonly nodes: Record<string, number> = {};
  private readonly liveChats: LiveChatEntry[] = [];

  constructor(options: ConversationOptions) {
    this.random = new Random(options.seed ?? 1);
    this.language = options.language ?? this.random.pick(['en', 'el'] as const);
    this.user = { handle: `dl_${this.random.hex(24)}`, name: this.random.pick(END_USERS) };
    this.agent = this.random.pick(AGENTS);
  }

  get sayings() {
    return SAYINGS[this.language];
  }

  /** The user asks, the bot answers. */
  exchange(): void {
    const { intent, node, user, bot } = this.random.pick(EXCHANGES[this.language]);
    this.intents[intent] = (this.intents[intent] ?? 0) + 1;
    this.nodes[node] = (this.nodes[node] ?? 0) + 1;
    const question = this.say(user, { ...this.asUser(), isUserInteraction: true, intentName: intent });
    this.bot(bot, { responseToId: question.id, conversationNode: node });
  }

  bot(text: string, more: Partial<Message> = {}): void {
    this.say(text, { subscriberName: 'bot', isUserInteraction: false, ...more });
  }

  handOver(stage: LiveChatStage): void {
    const conversationId = this.random.uuid();
    let agentWrites = true;
    for (const step of HANDOVERS[stage]) {
      const byAgent = ['REQUEST_ACCEPTED', 'TERMINATED', 'TRANSFERRED'].includes(step);
      const agent = step === 'MESSAGE_EXCHANGED' ? agentWrites : byAgent;
      if (step === 'MESSAGE_EXCHANGED') agentWrites = !agentWrites;
      this.liveChatEvent(`LIVECHAT_${step}`, agent, conversationId);
      if (step === 'REQUESTED') this.bot(this.sayings.handover);
    }
    this.bot(stage === 'missed' ? this.sayings.missed : this.sayings[stage === 'terminated' ? 'ended' : 'started']);
    this.liveChats.push(this.liveChatEntry(`LIVECHAT_${HANDOVERS[stage].at(-1)}`, conversationId, stage));
  }

  finish(options: ConversationOptions): Conversation {
    const endedAt = (options.endedAt ?? new Date()).getTime();
    const startedAt = endedAt - Math.max(0, this.messages.length - 1) * STEP_MS;
    this.messages.forEach((message, index) => (message.date = startedAt + index * STEP_MS));
    const interactions = this.messages.filter((message) => message.isUserInteraction).length;
    const said = new Date(endedAt).toISOString();
    return {
      subscriberHandle: this.user.handle,
      language: this.language,
      messages: this.messages,
      liveChats: this.liveChats.map((entry) => ({ ...entry, updatedAt: said, lastEndUserMessageAt: said })),
      messageCount: interactions, // hbf-core counts only part of the messages
      userInteractionCount: interactions,
      containsUserInteraction: interactions > 0,
      duration: endedAt - startedAt,
      tags: this.random.chance(0.3) ? ['vip'] : [],
      intents: this.intents,
      conversationNodes: Object.entries(this.nodes).map(([nodeId, appearances]) => ({ nodeId, appearances })),
      csatSurveys: options.csat ? [this.csat()] : [],
      metadata: this.metadata(),
      variables: [{ name: 'customerNumber', value: String(this.random.integer(100_000, 999_999)) }],
      createdAt: new Date(startedAt).toISOString(),
    };
  }

  private say(text: string, more: Partial<Message>): Message {
    const base = { type: 'TEXT', category: 'COMMON', date: 0, language: this.language, tags: [], intentName: null };
    const message = { id: this.random.hex(24), message: text, ...base, ...more } as Message;
    this.messages.push(message);
    return message;
  }

  private asUser() {
    return { subscriberHandle: this.user.handle, subscriberName: this.user.name };
  }

  private liveChatEvent(liveChatEventType: string, agent: boolean, liveChatConversationId: string): void {
    const { handle, name, email } = this.agent;
    const who = agent ? { subscriberHandle: handle, subscriberName: name, subscriberEmail: email } : this.asUser();
    this.say(
      liveChatEventType === 'LIVECHAT_MESSAGE_EXCHANGED' ? this.random.pick(EXCHANGES[this.language]).user : '',
      {
        ...who,
        category: 'LIVE_CHAT',
        liveChatEventType,
        liveChatSender: agent ? 'AGENT' : 'END_USER',
        liveChatConversationId,
        isUserInteraction: !['LIVECHAT_INITIALIZED', 'LIVECHAT_ABANDONED', 'LIVECHAT_REQUEST_MISSED'].includes(liveChatEventType), // prettier-ignore
      },
    );
  }

  private liveChatEntry(liveChatEventType: string, conversationId: string, stage: LiveChatStage): LiveChatEntry {
    const answered = !['requested', 'abandoned', 'missed'].includes(stage);
    return {
      conversationId,
      liveChatEventType,
      waitingTime: this.random.integer(3, 90),
      duration: this.random.integer(60, 900),
      responseTime: answered ? [this.random.integer(2, 40)] : [],
      lastSender: answered ? 'AGENT' : 'END_USER',
      agents: answered ? [this.agent.email] : [],
    };
  }

  private csat(): object {
    const sectionsScore = { overall: this.random.integer(1, 5) };
    return { id: this.random.hex(24), name: 'satisfaction', status: 'ANSWERED', sectionsScore };
  }

  private metadata(): Record<string, unknown> {
    return {
      subscriberName: this.user.name,
      deploymentId: 'deployment-web',
      deploymentName: 'Web chat',
      deploymentPlatform: 'MICROSOFT_WEBCHAT',
      platformOrigin: 'https://www.example.com',
      isSubscriberNew: this.random.chance(0.5),
      subscriberCustomData: { plan: this.random.pick(['basic', 'plus']) },
    };
  }
}
