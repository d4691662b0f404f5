import { Injectable, Logger } from '@nestjs/common';
import {
  completionId,
  type EndedSession,
  type ExpiryRule,
  type IntentLease,
  type PlannedCompletion,
} from '../completions/completion.js';
import { CompletionRepository } from '../completions/completion.repository.js';
import { IntentRepository } from '../completions/intent.repository.js';
import { Config } from '../config/config.js';
import { FirstAttempts, type SessionInFlight } from '../deliveries/first-attempts.js';
import { PayloadSource } from '../deliveries/payload-source.js';
import type { Integration } from '../integrations/integration.schema.js';
import { Clock } from '../persistence/clock.js';
import { Heartbeat } from '../persistence/heartbeat.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient } from '../platform/core/core.client.js';
import { TenantDirectory } from '../platform/core/tenant-directory.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { PlatformError } from '../platform/platform-error.js';
import { traced } from '../tracing/tracing.js';
import type { CheckFigures } from './check-figures.js';
import { planDeliveries } from './delivery-plan.js';
import { endOf } from './expiry-policy.js';
import { Quarantine } from './quarantine.js';
import { SessionEvents } from './session-events.js';

/** A session that has ended, and by which rule. */
export interface Ended {
  session: ChatSession;
  rule: ExpiryRule;
}

/** A page of ended sessions, planned, and the lease under which their intent is written. */
export interface PlannedPage extends IntentLease {
  sessions: SessionInFlight[];
}

export interface CompletionContext {
  tenant: Tenant;
  thresholdSeconds: number;
  /** Enabled integrations that list the tenant. */
  integrations: readonly Integration[];
  figures: CheckFigures;
  /** When the sessions were asked for; epoch ms of this machine. */
  readAt: number;
}

/**
 * Ends sessions, page by page, in the order that loses nothing: write the intent, tell hbf-core, deliver. If
 * the process ends after the first step, Recovery does the rest.
 */
@Injectable()
export class SessionCompleter {
  private readonly logger = new Logger(SessionCompleter.name);

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly heartbeat: Heartbeat,
    private readonly core: CoreClient,
    private readonly tenants: TenantDirectory,
    private readonly intents: IntentRepository,
    private readonly completions: CompletionRepository,
    private readonly firstAttempts: FirstAttempts,
    private readonly quarantine: Quarantine,
    private readonly events: SessionEvents,
  ) {}

  /**
   * Long enough for the calls to hbf-core, the wait for a turn and the first attempts. A process that needs longer
   * (because it was paused, for instance) loses the page to the recovery of another.
   */
  get leaseMs(): number {
    return 4 * this.config.requestTimeoutMs + 2 * this.config.webhookTimeoutMs + 10_000;
  }

  /**
   * Plans a page of sessions, under a lease of its own. They are serialised at once: as parsed they would be in memory
   * while the database and hbf-core take their time.
   */
  plan(ended: readonly Ended[], { tenant, thresholdSeconds, integrations }: CompletionContext): PlannedPage {
    const now = this.clock.now();
    const withUser = planDeliveries({ containsUserInteraction: true }, tenant, integrations);
    const withoutUser = planDeliveries({ containsUserInteraction: false }, tenant, integrations);
    const sessions = ended.map(({ session, rule }): SessionInFlight => {
      const planned: PlannedCompletion = {
        _id: completionId(session.id, 1),
        sessionId: session.id,
        revision: 1,
        organizationId: tenant.organizationId,
        tenantId: tenant.id,
        rule,
        thresholdSeconds,
        lastInteraction: session.lastInteraction,
        foundAt: new Date(now),
        ...(session.containsUserInteraction ? withUser : withoutUser),
      };
      return { planned, source: new PayloadSource(planned, this.core, this.tenants, { session, tenant }) };
    });
    return { lease: this.heartbeat.token(), leaseUntil: new Date(now + this.leaseMs), sessions };
  }

  /**
   * Ends one page of sessions of one tenant, as planned, which have permits (FirstAttempts.reserve), so that their first
   * attempts start right after hbf-core was told.
   *
   * @returns the ids that hbf-core still lists as ACTIVE afterwards, as far as is known; none, too, when they were read
   *   so long ago that they must be read again
   * @throws PlatformError when hbf-core fails; what was written down is left to the recovery
   */
  complete(page: PlannedPage, context: CompletionContext): Promise<string[]> {
    const attributes = () => ({ 'hbf.tenant.id': context.tenant.id, 'hbf.sessions.ended': page.sessions.length });
    return traced({ name: 'completion', attributes }, () => this.completePage(page, context));
  }

  private async completePage(page: PlannedPage, context: CompletionContext): Promise<string[]> {
    const known = await this.addIntent(page, page.sessions);
    const fresh = page.sessions.filter(({ planned }) => !known.has(planned._id));
    const again = page.sessions.filter(({ planned }) => known.has(planned._id));
    const { returned, repeated, busy } = await this.sortOut(page, again);
    const intended = [...fresh, ...returned];
    if (Date.now() - context.readAt > this.leaseMs) return this.startOver(page, intended);
    if (!(await this.heartbeat.stillHolds(page.lease))) return this.startOver(page, intended);

    const refused = await this.tellCore([...intended, ...repeated].map(sessionIdOf));
    await this.giveUp(page, intended, refused, context);
    const completed = intended.filter((one) => !refused.has(sessionIdOf(one)));
    context.figures.completed += completed.length;
    context.figures.repeated += repeated.length;
    this.noteCompleted(completed.map(({ planned }) => planned));
    const integrations = new Map(context.integrations.map((integration) => [integration.id, integration]));
    this.firstAttempts.begin(page, completed, integrations);
    return [...refused, ...busy, ...repeated.map(sessionIdOf)];
  }

  /** @returns the ids that are intended or completed already */
  private addIntent(lease: IntentLease, sessions: readonly SessionInFlight[]): Promise<Set<string>> {
    return this.intents.add(
      lease,
      sessions.map(({ planned }) => planned),
    );
  }

  /**
   * A process that was paused acts on what is long out of date: others have completed the sessions, and where the user
   * came back, hbf-core would end a session that the user is writing in. Nobody is told; the intent is removed, if the
   * recovery of another process has not taken it over.
   *
   * @returns none: all are to be read again
   */
  private async startOver({ lease }: IntentLease, intended: readonly SessionInFlight[]): Promise<string[]> {
    this.logger.warn({ sessions: intended.length }, 'completion.out-of-date');
    await this.intents.remove(
      lease,
      intended.map(({ planned }) => planned._id),
    );
    return [];
  }

  /**
   * Sets sessions COMPLETED. A page that hbf-core refuses is split until the refused ones stand alone; the others go on.
   *
   * @returns the ids that it refuses
   */
  async tellCore(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    try {
      await this.core.completeSessions(ids);
      return new Set();
    } catch (error) {
      const aboutAnId = error instanceof PlatformError && (error.kind === 'refused' || error.kind === 'not-found');
      if (!aboutAnId) throw error;
      if (ids.length === 1) return new Set(ids);
      const middle = Math.ceil(ids.length / 2);
      const left = await this.tellCore(ids.slice(0, middle));
      const right = await this.tellCore(ids.slice(middle));
      return new Set([...left, ...right]);
    }
  }

  /** Says that hbf-core was told of these now. */
  noteCompleted(sessions: readonly EndedSession[]): void {
    for (const session of sessions) this.events.onCompleted(this.latenessMs(session));
  }

  /** Since the session had ended by its rule. */
  private latenessMs(session: EndedSession): number {
    return Math.max(0, this.clock.now() - endOf(session, this.config.liveChatMaxIdleMs).getTime());
  }

  /**
   * What to do with sessions that ended before: `returned`, the user came back and it ended again, a new revision;
   * `repeated`, hbf-core shows it ACTIVE again, untouched; `busy`, another process or the recovery is at work on it.
   */
  private async sortOut(lease: IntentLease, again: readonly SessionInFlight[]) {
    const result = { returned: [] as SessionInFlight[], repeated: [] as SessionInFlight[], busy: [] as string[] };
    if (again.length === 0) return result;
    const latest = await this.completions.latestOf(again.map(sessionIdOf));
    const candidates: SessionInFlight[] = [];
    for (const one of again) {
      const { sessionId, lastInteraction } = one.planned;
      const before = latest.get(sessionId);
      if (!before) result.busy.push(sessionId);
      else if (lastInteraction <= before.lastInteraction) result.repeated.push(one);
      else candidates.push(this.asRevision(before.revision + 1, one.planned));
    }
    if (candidates.length === 0) return result;
    const known = await this.addIntent(lease, candidates);
    for (const one of candidates) {
      if (known.has(one.planned._id)) result.busy.push(sessionIdOf(one));
      else result.returned.push(one);
    }
    return result;
  }

  /** Its payload tells the revision, and is made of the session as hbf-core has it then: few sessions return. */
  private asRevision(revision: number, first: PlannedCompletion): SessionInFlight {
    const planned = { ...first, _id: completionId(first.sessionId, revision), revision };
    return { planned, source: new PayloadSource(planned, this.core, this.tenants) };
  }

  private async giveUp(
    { lease }: IntentLease,
    intended: readonly SessionInFlight[],
    refused: ReadonlySet<string>,
    { tenant, figures }: CompletionContext,
  ): Promise<void> {
    if (refused.size === 0) return;
    figures.refused += refused.size;
    const given = intended.filter((one) => refused.has(sessionIdOf(one)));
    await this.intents.remove(
      lease,
      given.map(({ planned }) => planned._id),
    );
    for (const id of refused) this.quarantine.add(id, tenant.id, 'hbf-core refuses to complete it');
  }
}

function sessionIdOf({ planned }: SessionInFlight): string {
  return planned.sessionId;
}
