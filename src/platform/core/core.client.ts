import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import type { Room } from '../../transport/room.js';
import type { AnswerSize } from '../json-answer.js';
import { type Page, readPage } from '../page.js';
import { PlatformError } from '../platform-error.js';
import { MAX_LIST_BYTES, PlatformHttp, type PlatformRequest } from '../platform-http.js';
import { type JsonObject, object } from '../shape.js';
import { unlessMissing } from '../unless-missing.js';
import { CoreWitness } from './core-witness.js';
import { type ChatSession, readChatSession } from './chat-session.dto.js';
import { type CurrentUser, readCurrentUser } from './current-user.dto.js';
import { type Pipeline, readPipeline } from './pipeline.dto.js';
import type { ActiveSessionsQuery, SessionQuery } from './session-queries.js';
import { type SessionSurveys, type SurveysQuery, SurveySelection } from './session-surveys.js';
import { readTenant, readTenantOwner, type Tenant } from './tenant.dto.js';
import { readTenantUsages, type TenantUsages } from './tenant-usage.dto.js';

export type SessionPage = Page<ChatSession>;

/** `brief`: without settings, system settings and plugins, which hbf-core leaves out unless they are asked for. */
export type TenantParts = 'whole' | 'brief';

/** hbf-core leaves a part of the tenant out when its flag is missing; its threshold or plugin would seem unset. */
const WHOLE_TENANT = { includeSettings: true, includeSystemSettings: true, includePlugins: true } as const;
const SURVEYS = '/organizations/{orgId}/surveys';
const SURVEYS_PER_PAGE = 100;
const MAX_SURVEY_PAGES = 100;
/** A delivery goes out without the contact when hbf-core does not answer within this time. */
const CONTACT_TIMEOUT_MS = 2_000;

/** hbf-core. All methods reject with PlatformError; pages count from 0. Routes: docs/platform.md. */
@Injectable()
export class CoreClient {
  constructor(
    private readonly http: PlatformHttp,
    private readonly config: Config,
    private readonly witness: CoreWitness,
  ) {}

  /** One page of all tenants; `whole` with the parts that decide on sessions. */
  async listTenants(page: number, pageSize: number, parts: TenantParts = 'whole'): Promise<Page<Tenant>> {
    const query = { page, pageSize, ...(parts === 'whole' && WHOLE_TENANT) };
    const request = { route: '/tenants', query, maxAnswerBytes: MAX_LIST_BYTES };
    const found = await this.get(request, (answer) => readPage(answer, (item) => readTenant(item)));
    if (found.count > 0) this.witness.noteTenants();
    return found;
  }

  /**
   * One page of a tenant's ACTIVE sessions whose last interaction lies before the cutoff, with their live chats. Tried
   * once: the session check has others to ask meanwhile, and comes back.
   *
   * @param room asked before the answer is read and parsed; it must be released by the caller
   * @throws PlatformError; isTooMuch or isNoRoom: a page of fewer sessions may be read
   */
  listActiveSessions({ lastInteractionBefore, ...rest }: ActiveSessionsQuery, room?: Room): Promise<SessionPage> {
    const cutoff = lastInteractionBefore.toISOString();
    // without includeLiveChats a session with a human agent on it looks free
    const query = { status: 'ACTIVE', includeLiveChats: true, lastInteractionLessThan: cutoff, ...rest };
    const request = { route: '/chat-sessions', query, maxAnswerBytes: MAX_LIST_BYTES, repeatable: false, room };
    return this.get(request, (answer, size) => ({ ...readPage(answer, (item) => sessionOf(item, size)), size }));
  }

  /**
   * Sets sessions COMPLETED. hbf-core neither checks their state nor reports on single ids.
   *
   * @param mayRepeat asked before it is tried again
   */
  async completeSessions(ids: readonly string[], mayRepeat?: () => boolean): Promise<void> {
    if (ids.length === 0) return;
    const body = JSON.stringify({ ids });
    const route = '/chat-sessions/batch/complete';
    await this.http.status({ service: 'hbf-core', method: 'PATCH', route, body, repeatable: true, mayRepeat });
  }

  /**
   * @param tenantId whose session it must be; undefined: the caller looks at the session's own
   * @param room as for listActiveSessions; without enough of it (isNoRoom) the session may be read later, or alone
   * @returns undefined when hbf-core answers that it does not know the session (404, 410); so does an ingress while
   *   hbf-core is deployed: see CoreWitness
   * @throws PlatformError of kind `shape`: with code `foreign_session` when hbf-core says that it is another tenant's, with
   *   code `other_session` when it answers with a session that was not asked for
   */
  async getSession(
    id: string,
    { includeMessages, tenantId, repeatable = true }: SessionQuery,
    room?: Room,
  ): Promise<ChatSession | undefined> {
    const query = { includeMessages, includeTenant: true, includeLiveChats: true };
    const route = '/chat-sessions/{id}';
    const request = { route, params: { id }, query, maxAnswerBytes: MAX_LIST_BYTES, repeatable, room };
    const session = await unlessMissing(this.get(request, sessionOf));
    if (!session) return undefined;
    const wrong = (code: string) => new PlatformError({ service: 'hbf-core', route, kind: 'shape', code });
    if (session.id !== id) throw wrong('other_session');
    this.witness.noteSession(id);
    if (tenantId !== undefined && (session.tenantId ?? tenantId) !== tenantId) throw wrong('foreign_session');
    return session;
  }

  /** Every survey of the session, and how many that hbf-core lists beside them are left out, whatever their shape. */
  async listSurveys({ organizationId: orgId, ...query }: SurveysQuery): Promise<SessionSurveys> {
    const selection = new SurveySelection(query);
    for (let page = 0, seen = 0; page < MAX_SURVEY_PAGES; page++) {
      const { count, total } = await this.surveyPage(orgId, query.sessionId, page, (items) => selection.take(items));
      seen += count;
      if (count === 0 || (total === undefined ? count < SURVEYS_PER_PAGE : seen >= total)) return selection.result();
    }
    throw new PlatformError({ service: 'hbf-core', route: SURVEYS, kind: 'shape', code: 'endless_list' });
  }

  /**
   * Whether any session of the organization has a survey; if none has, no session's surveys need to be listed. The list
   * takes no session id, according to hbf-core's API document.
   */
  hasSurveys(orgId: string): Promise<boolean> {
    const query = { page: 0, pageSize: 1 };
    const request = { route: SURVEYS, params: { orgId }, query, maxAnswerBytes: MAX_LIST_BYTES };
    return this.get(request, (answer) => {
      const { count, total = 0 } = readPage(answer, (item) => item);
      return count > 0 || total > 0;
    });
  }

  /** The CRM's contact of an end user: one object, or none. Never rejects: any failure means "no contact". */
  async getContact(orgId: string, tenantId: string, handle: string): Promise<JsonObject[]> {
    const request: PlatformRequest = {
      service: 'hbf-core',
      method: 'GET',
      route: '/organizations/{orgId}/tenants/{tenantId}/contact-by-subscriber-handle/{handle}',
      params: { orgId, tenantId, handle },
      timeoutMs: Math.min(CONTACT_TIMEOUT_MS, this.config.requestTimeoutMs),
    };
    return this.http.json(request, (answer) => [object(answer, 'contact')]).catch(() => []);
  }

  /** One page of the ids of an organization's tenants; a row that does not name that organization is left out. */
  async listTenantIds(orgId: string, page: number, pageSize: number): Promise<Page<string>> {
    const found = await this.organizationPage(orgId, { page, pageSize }, readTenantOwner);
    return { ...found, items: found.items.map(({ id }) => id) };
  }

  /** As listTenants, `whole`: one page of an organization's tenants; a row of another organization is left out. */
  listTenantsOf(orgId: string, page: number, pageSize: number): Promise<Page<Tenant>> {
    return this.organizationPage(orgId, { page, pageSize, ...WHOLE_TENANT }, readTenant);
  }

  /**
   * What the tenants with usage limits have used.
   *
   * @throws PlatformError of kind `shape` when the answer, which no document describes, is not understood
   */
  listTenantUsages(): Promise<TenantUsages> {
    const query = { includeOnlyWithUsageLimits: true };
    return this.get({ route: '/tenants/usage', query, maxAnswerBytes: MAX_LIST_BYTES }, readTenantUsages);
  }

  /** Switches a tenant off, and changes nothing else of it. */
  async disableTenant(id: string): Promise<void> {
    const body = JSON.stringify({ disabled: true });
    const route = '/tenants/{id}';
    await this.http.status({ service: 'hbf-core', method: 'PATCH', route, params: { id }, body, repeatable: true });
  }

  /** @param token the caller's own; kind `unauthorized` when hbf-core does not accept it */
  getCurrentUser(token: string): Promise<CurrentUser> {
    return this.get({ route: '/users/me', token }, (answer) => readCurrentUser(answer));
  }

  /** The pipelines that wait for training in tenants with auto-train. */
  listOutdatedPipelines(): Promise<Page<Pipeline>> {
    return this.listPipelines('OUTDATED');
  }

  /** The pipelines whose last training failed, in tenants with auto-train. */
  listFailedPipelines(): Promise<Page<Pipeline>> {
    return this.listPipelines('FAILED');
  }

  /** @returns undefined when hbf-core does not know the pipeline */
  getPipeline(id: string): Promise<Pipeline | undefined> {
    const request = { route: '/nlp-pipelines/{id}', params: { id } };
    return unlessMissing(this.get(request, (answer) => readPipeline(answer)));
  }

  /** Starts a training and does not wait for it. Tried once: a second one would train twice. */
  async trainPipeline(id: string): Promise<void> {
    await this.http.status({
      service: 'hbf-core',
      method: 'POST',
      route: '/nlp-pipelines/{id}/train',
      params: { id },
    });
  }

  private organizationPage<T extends { organizationId: string }>(
    orgId: string,
    query: PlatformRequest['query'],
    read: (row: unknown) => T,
  ): Promise<Page<T>> {
    const route = '/organizations/{orgId}/tenants';
    return this.get({ route, params: { orgId }, query, maxAnswerBytes: MAX_LIST_BYTES }, (answer) => {
      const { items, ...rest } = readPage(answer, (row) => read(row));
      return { ...rest, items: items.filter(({ organizationId }) => organizationId === orgId) };
    });
  }

  private surveyPage(
    orgId: string,
    sessionId: string,
    page: number,
    take: (items: readonly unknown[]) => void,
  ): Promise<Page<unknown>> {
    const query = { sessionId, page, pageSize: SURVEYS_PER_PAGE };
    return this.get({ route: SURVEYS, params: { orgId }, query, maxAnswerBytes: MAX_LIST_BYTES }, (answer) => {
      const { items, ...rest } = readPage(answer, (item) => item);
      take(items);
      return { items: [], ...rest };
    });
  }

  private listPipelines(status: string): Promise<Page<Pipeline>> {
    const query = { status, tenantHasAutoTrain: true };
    return this.get({ route: '/nlp-pipelines', query, maxAnswerBytes: MAX_LIST_BYTES }, (answer) =>
      readPage(answer, (item) => readPipeline(item)),
    );
  }

  private get<T>(
    request: Omit<PlatformRequest, 'service' | 'method'>,
    read: (answer: unknown, size: AnswerSize) => T,
  ): Promise<T> {
    return this.http.json({ service: 'hbf-core', method: 'GET', repeatable: true, ...request }, read);
  }
}

function sessionOf(value: unknown, { bytes }: AnswerSize): ChatSession {
  return Object.assign(readChatSession(value), { answerBytes: bytes });
}
