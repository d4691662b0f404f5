import { type ConversationOptions, type LiveChatEntry, makeConversation, type Message } from './conversations.js';
import { aged } from '../../support/dates.js';
import { TENANT_CREDENTIALS } from '../planted-secrets.js';
import { Random } from '../../support/random.js';

export type Json = Record<string, unknown>;

export interface NewTenant {
  id: string;
  organizationId: string;
  /** `settings.session.expireInactiveSessionAfter`, seconds; absent: the setting is missing. */
  expireAfterSeconds?: number;
  /** An LLM_SUMMARIZATION plugin that runs by itself when a session ends. */
  summarizes?: boolean;
  /** A CRM plugin. */
  crm?: boolean;
  /** Further plugins, as hbf-core tells them (category, settings). */
  plugins?: Json[];
  autoTrain?: boolean;
  maxNumOfSessions?: number;
  maxNumOfUserMessages?: number;
  /** Anything else, put over what the simulator makes up. */
  fields?: Json;
}

export interface NewSession {
  tenantId: string;
  id?: string;
  status?: 'ACTIVE' | 'COMPLETED';
  lastInteraction?: Date;
  /** What is said in it; by default 20 messages of a seed that follows from the id. */
  conversation?: ConversationOptions;
  messages?: Message[];
  liveChats?: LiveChatEntry[];
  /** Anything else of the answer; wrong shapes too. */
  fields?: Json;
}

export interface StoredSession {
  id: string;
  tenantId: string;
  organizationId: string;
  status: 'ACTIVE' | 'COMPLETED';
  /** Epoch milliseconds. */
  lastInteraction: number;
  messages: Message[];
  liveChats: LiveChatEntry[];
  /** All other fields of the answer. */
  rest: Json;
  /** Replaces fields of the answer, last of all. */
  fields: Json;
}

export interface StoredTenant {
  id: string;
  organizationId: string;
  autoTrain: boolean;
  dto: Json;
  /** Sessions of the tenant that are ACTIVE, in order of arrival. */
  active: Map<string, StoredSession>;
}

export interface NewUser {
  token: string;
  id?: string;
  email?: string;
  fullName?: string;
  /** hbf-core says true or false; a test may say anything. */
  isModerator?: unknown;
  organizationRoles?: Record<string, string[]>;
  effectiveRoles?: Json;
}

/** What hbf-core knows of a session's completion. */
export interface CompletedSession {
  /** How often the session was in a batch that was accepted. */
  count: number;
  at: number[];
  /** Its `lastInteraction` at the last of them, epoch milliseconds. */
  lastInteraction: number;
}

/** What hbf-core knows, in memory. Sessions are found by id, the active ones by tenant. */
export class CoreStore {
  readonly tenants = new Map<string, StoredTenant>();
  readonly sessions = new Map<string, StoredSession>();
  readonly active = new Map<string, StoredSession>();
  readonly surveys = new Map<string, Json[]>();
  readonly contacts = new Map<string, Json>();
  readonly users = new Map<string, Json>();
  readonly completed = new Map<string, CompletedSession>();
  /** Called for each session of a batch that is accepted. */
  onCompleted: (session: StoredSession) => void = () => undefined;
  private readonly random = new Random(7);
  private seed = 0;

  addTenant(tenant: NewTenant): StoredTenant {
    const { id, organizationId, autoTrain = false } = tenant;
    const stored = { id, organizationId, autoTrain, dto: tenantDto(tenant), active: new Map<string, StoredSession>() };
    this.tenants.set(id, stored);
    return stored;
  }

  addSession(session: NewSession): StoredSession {
    const tenant = this.tenants.get(session.tenantId);
    if (!tenant) throw new Error(`add tenant ${session.tenantId} first`);
    const lastInteraction = session.lastInteraction ?? new Date();
    const options = { seed: ++this.seed, endedAt: lastInteraction, ...session.conversation };
    const { messages, liveChats, ...rest } = makeConversation(options);
    const stored: StoredSession = {
      id: session.id ?? this.random.uuid(),
      tenantId: tenant.id,
      organizationId: tenant.organizationId,
      status: session.status ?? 'ACTIVE',
      lastInteraction: lastInteraction.getTime(),
      messages: session.messages ?? messages,
      liveChats: session.liveChats ?? liveChats,
      rest: { ...rest },
      fields: session.fields ?? {},
    };
    this.sessions.set(stored.id, stored);
    this.setStatus(stored, stored.status);
    return stored;
  }

  /** @throws Error when there is none */
  session(id: string): StoredSession {
    const session = this.sessions.get(id);
    if (!session) throw new Error(`there is no session ${id}`);
    return session;
  }

  setStatus(session: StoredSession, status: StoredSession['status']): void {
    session.status = status;
    const indexes = [this.active, this.tenants.get(session.tenantId)!.active];
    for (const index of indexes) {
      if (status === 'ACTIVE') index.set(session.id, session);
      else index.delete(session.id);
    }
  }

  /** Every date of every session becomes earlier. */
  age(ms: number): void {
    for (const session of this.sessions.values()) Object.assign(session, aged(session, ms));
  }

  complete(session: StoredSession): void {
    const { count = 0, at = [] } = this.completed.get(session.id) ?? {};
    at.push(Date.now());
    this.completed.set(session.id, { count: count + 1, at, lastInteraction: session.lastInteraction });
    this.setStatus(session, 'COMPLETED');
    this.onCompleted(session);
  }

  addSurvey(survey: { sessionId: string; id?: string; fields?: Json }): Json {
    const session = this.session(survey.sessionId);
    const dto: Json = {
      id: survey.id ?? this.random.hex(24),
      session: session.id,
      subscriber: session.rest['subscriberHandle'],
      type: 'USER_FEEDBACK',
      questions: [{ questionId: 'q1', question: 'Would you recommend us?', answer: 'Yes' }],
      createdAt: new Date().toISOString(),
      updatedAt: new Date().toISOString(),
      ...survey.fields,
    };
    this.surveys.set(session.id, [...(this.surveys.get(session.id) ?? []), dto]);
    return dto;
  }

  addContact(contact: { tenantId: string; handle: string; fields?: Json }): Json {
    const dto = { id: this.random.hex(24), fullName: 'Anna Kosta', email: 'anna@example.com', ...contact.fields };
    this.contacts.set(`${contact.tenantId}/${contact.handle}`, dto);
    return dto;
  }

  addUser({ token, ...user }: NewUser): Json {
    const id = user.id ?? this.random.hex(24);
    const dto = {
      id,
      email: `${id}@example.com`,
      fullName: 'Some Admin',
      organizationRoles: {},
      tenantRoles: {},
      ...user,
    };
    this.users.set(token, dto);
    return dto;
  }
}

function tenantDto(tenant: NewTenant): Json {
  const { settings, systemSettings, pluginIntegration, nlpMap, botDeployments, webhookKey } = TENANT_CREDENTIALS;
  const session =
    tenant.expireAfterSeconds === undefined ? {} : { expireInactiveSessionAfter: tenant.expireAfterSeconds };
  const { maxNumOfSessions, maxNumOfUserMessages } = tenant;
  return {
    id: tenant.id,
    displayName: `Assistant ${tenant.id}`,
    description: 'Answers what customers ask.',
    organizationId: tenant.organizationId,
    timezone: 'Europe/Athens',
    image: 'https://cdn.example.com/assistant.png',
    tags: ['production'],
    space: 'cx',
    powerups: ['CHAT_SESSIONS', 'LIVECHAT'],
    disabled: false,
    settings: { ...settings, session },
    systemSettings: { ...systemSettings, maxNumOfSessions, maxNumOfUserMessages },
    plugins: pluginsOf(tenant).map((plugin) => ({ integration: pluginIntegration, ...plugin })),
    nlpMap,
    botDeployments,
    webhookKey,
    ...tenant.fields,
  };
}

function pluginsOf(tenant: NewTenant): Json[] {
  const plugins = [...(tenant.plugins ?? [])];
  const settings = { automaticallyRunOnSessionCompletion: true };
  if (tenant.summarizes) plugins.push({ category: 'LLM_SUMMARIZATION', integrationId: 'llm', settings });
  if (tenant.crm) plugins.push({ category: 'CRM', integrationId: 'crm', settings: {} });
  return plugins;
}
