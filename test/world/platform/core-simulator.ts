import { BadDay } from './bad-day.js';
import { CONTRACTS } from './contracts.js';
import { coreHandlers, type CoreState, type CoreSwitches } from './core-routes.js';
import {
  type CompletedSession,
  CoreStore,
  type Json,
  type NewSession,
  type NewTenant,
  type NewUser,
  type StoredSession,
} from './core-store.js';
import { makeConversation, type Message } from './conversations.js';
import { type NewPipeline, PipelineStore } from './pipeline-store.js';
import { Random } from '../../support/random.js';
import { SimulatedServer } from './simulated-server.js';

/** Simulates hbf-core, including the answers that its contract leaves open or forbids. */
export class CoreSimulator {
  readonly server: SimulatedServer;
  /** What hbf-core does on a bad day. */
  readonly badDay: BadDay;
  readonly pipelines = new PipelineStore();
  readonly switches: CoreSwitches = {
    statusCase: 'upper',
    messageDates: 'number',
    sessionList: 'paged',
    sessionOrder: 'arrival',
    surveysIgnoreSession: false,
    tellsTenantId: false,
    keepsBytes: false,
  };
  private readonly store = new CoreStore();
  private readonly state: CoreState = {
    store: this.store,
    pipelines: this.pipelines,
    switches: this.switches,
    poisoned: new Set(),
    stubborn: new Set(),
    alsoListed: new Map(),
    usage: undefined,
    random: new Random(11),
  };

  constructor(coreToken: string) {
    this.addUser({ token: coreToken, id: 'service', email: 'service@platform.example.com', isModerator: true });
    this.server = new SimulatedServer({
      service: 'hbf-core',
      contracts: CONTRACTS['hbf-core'],
      handlers: coreHandlers(this.state),
      authorize: (route, token) =>
        route === 'GET /users/me' ? token !== undefined && this.store.users.has(token) : token === coreToken,
    });
    this.badDay = new BadDay(this.server, this.state);
  }

  addTenant(tenant: NewTenant): Json {
    return this.store.addTenant(tenant).dto;
  }

  /** Changes what hbf-core tells of a tenant (deep parts are replaced whole). */
  changeTenant(id: string, fields: Json): void {
    Object.assign(this.store.tenants.get(id)!.dto, fields);
  }

  /** Its sessions stay as they are, and must not be completed any more. */
  removeTenant(id: string): void {
    this.store.tenants.delete(id);
  }

  addSession(session: NewSession): StoredSession {
    return this.store.addSession(session);
  }

  removeSession(id: string): void {
    this.store.setStatus(this.store.session(id), 'COMPLETED');
    this.store.sessions.delete(id);
  }

  addSurvey(survey: { sessionId: string; id?: string; fields?: Json }): Json {
    return this.store.addSurvey(survey);
  }

  addContact(contact: { tenantId: string; handle: string; fields?: Json }): Json {
    return this.store.addContact(contact);
  }

  addUser(user: NewUser): Json {
    return this.store.addUser(user);
  }

  removeUser(token: string): void {
    this.store.users.delete(token);
  }

  addPipeline(pipeline: NewPipeline): Json {
    return this.pipelines.add(pipeline);
  }

  /** @throws Error when there is none */
  session(id: string): StoredSession {
    return this.store.session(id);
  }

  tenant(id: string): Json {
    return this.store.tenants.get(id)!.dto;
  }

  get tenantIds(): string[] {
    return [...this.store.tenants.keys()];
  }

  hasTenant(id: string): boolean {
    return this.store.tenants.has(id);
  }

  get sessions(): ReadonlyMap<string, StoredSession> {
    return this.store.sessions;
  }

  /** How many sessions are ACTIVE. */
  get activeCount(): number {
    return this.store.active.size;
  }

  /** The user writes: the conversation goes on, and is ACTIVE again if it was ended. */
  touch(sessionId: string, date = new Date()): void {
    const session = this.store.session(sessionId);
    const { messages } = makeConversation({ seed: session.messages.length, messages: 3, endedAt: date });
    session.messages = [...session.messages, messages[1] as Message];
    session.lastInteraction = date.getTime();
    this.store.setStatus(session, 'ACTIVE');
  }

  /** Every date of every session and pipeline becomes earlier by `ms` milliseconds. */
  age(ms: number): void {
    this.store.age(ms);
    this.pipelines.age(ms);
  }

  /** hbf-core forgets that the session was ended; nobody wrote. */
  reactivate(sessionId: string): void {
    this.store.setStatus(this.store.session(sessionId), 'ACTIVE');
  }

  /** A batch that names this id (of a session or of none) is refused whole with 400. */
  poison(sessionId: string): () => void {
    this.state.poisoned.add(sessionId);
    return () => this.state.poisoned.delete(sessionId);
  }

  /** Completing it is answered with 204, and leaves it ACTIVE. */
  makeStubborn(sessionId: string): () => void {
    this.state.stubborn.add(sessionId);
    return () => this.state.stubborn.delete(sessionId);
  }

  /** What `GET /tenants/usage` answers from now on; undefined: figures of the simulator's sessions. */
  setUsage(usage: unknown): void {
    this.state.usage = usage;
  }

  /** Which session was in an accepted batch, how often and when. */
  get completed(): ReadonlyMap<string, CompletedSession> {
    return this.store.completed;
  }

  /** Calls `listener` for each session that is completed, once for each batch that names it and is accepted. */
  onCompleted(listener: (session: StoredSession) => void): void {
    this.store.onCompleted = listener;
  }
}
