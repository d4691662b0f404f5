import { Injectable, Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { Config } from '../config/config.js';
import { type Completion, completionId, type ExpiryRule } from '../deliveries/completion.js';
import { CompletionRepository } from '../deliveries/completion.repository.js';
import { DetectionRepository } from '../deliveries/detection.repository.js';
import { FirstAttempts } from '../deliveries/first-attempts.js';
import { planDeliveries } from '../deliveries/plan.js';
import { SessionMaterial } from '../deliveries/session-material.js';
import type { Integration } from '../integrations/integration.schema.js';
import { Clock } from '../persistence/clock.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient } from '../platform/core/core.client.js';
import { TenantDirectory } from '../platform/core/tenant-directory.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { PlatformError } from '../platform/platform-error.js';
import { traced } from '../tracing/tracing.js';
import type { CheckFigures } from './check-figures.js';
import { SessionEvents } from './session-events.js';
import { SetAside } from './set-aside.js';

/** A session that has ended, and by which rule. */
export interface Ended {
  session: ChatSession;
  rule: ExpiryRule;
}

/** What will be owed for it, and what that is made of. The session itself, as it was read, may go. */
export interface Planned {
  completion: Completion;
  material: SessionMaterial;
}

/** What the sessions of a page have in common: hundreds wait, and the garbage collector carries them along. */
interface PlannedPage extends Required<Pick<Completion, 'lease' | 'leaseUntil' | 'detectedAt'>> {
  /** Of sessions in which a user took part, and of the others. */
  owed: Record<'withUser' | 'withoutUser', Pick<Completion, 'deliveries' | 'leftOut'>>;
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
 * Ends sessions, page by page, in the order that loses nothing: write down what is owed, tell hbf-core, pay. A crash
 * after the first step is mended by Recovery.
 */
@Injectable()
export class SessionCompleter {
  private readonly logger = new Logger(SessionCompleter.name);

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly core: CoreClient,
    private readonly tenants: TenantDirectory,
    private readonly detections: DetectionRepository,
    private readonly completions: CompletionRepository,
    private readonly firstAttempts: FirstAttempts,
    private readonly setAside: SetAside,
    private readonly events: SessionEvents,
  ) {}

  /**
   * Long enough for the calls to hbf-core, the wait for a place and the first attempts. A process that needs longer
   * (paused, say) loses the page to the recovery of another.
   */
  get leaseMs(): number {
    return 4 * this.config.requestTimeoutMs + 2 * this.config.webhookTimeoutMs + 10_000;
  }

  /**
   * What will be owed for a page of sessions, under a lease of its own. They are serialised at once: as parsed they
   * would be in memory while the database and hbf-core take their time.
   */
  plan(ended: readonly Ended[], context: CompletionContext): Planned[] {
    const now = this.clock.now();
    const { tenant, integrations } = context;
    const page = {
      lease: randomUUID(),
      leaseUntil: new Date(now + this.leaseMs),
      detectedAt: new Date(now),
      owed: {
        withUser: planDeliveries({ containsUserInteraction: true }, tenant, integrations),
        withoutUser: planDeliveries({ containsUserInteraction: false }, tenant, integrations),
      },
    };
    return ended.map((one) => this.planOne(one, context, page));
  }

  /**
   * Ends one page of sessions of one tenant, as planned, which have places (FirstAttempts.reserve): what hbf-core was
   * told of should not wait here.
   *
   * @returns the ids that hbf-core still lists as ACTIVE afterwards, as far as is known; none, too, when they were read
   *   so long ago that they must be read again
   * @throws PlatformError when hbf-core fails; what was written down is left to the recovery
   */
  complete(planned: readonly Planned[], context: CompletionContext): Promise<string[]> {
    const attributes = () => ({ 'hbf.tenant.id': context.tenant.id, 'hbf.sessions.ended': planned.length });
    return traced({ name: 'completion', attributes }, () => this.completePage(planned, context));
  }

  private async completePage(planned: readonly Planned[], context: CompletionContext): Promise<string[]> {
    const known = await this.detections.add(planned.map(({ completion }) => completion));
    const fresh = planned.filter(({ completion }) => !known.has(completion._id));
    const again = planned.filter(({ completion }) => known.has(completion._id));
    const { returned, repeated, busy } = await this.sortOut(again);
    if (Date.now() - context.readAt > this.leaseMs) return this.startOver([...fresh, ...returned]);

    const refused = await this.tellCore([...fresh, ...returned, ...repeated].map(sessionIdOf));
    const toPay = [...fresh, ...returned].filter((one) => !refused.has(sessionIdOf(one)));
    await this.giveUp([...fresh, ...returned], refused, context);
    context.figures.completed += toPay.length;
    this.noteCompleted(toPay.map(({ completion }) => completion));
    context.figures.repeated += repeated.length;

    const integrations = new Map(context.integrations.map((integration) => [integration.id, integration]));
    this.firstAttempts.begin(toPay, integrations);
    return [...refused, ...busy, ...repeated.map(sessionIdOf)];
  }

  /**
   * A process that was paused goes by what is long out of date: others have completed the sessions, and where the user
   * came back, hbf-core would end a session that he is writing in. Nobody is told; what was written down is taken back,
   * if the recovery of another has not taken it over.
   *
   * @returns none: all are to be read again
   */
  private async startOver(planned: readonly Planned[]): Promise<string[]> {
    this.logger.warn({ sessions: planned.length }, 'completion.out-of-date');
    await this.detections.remove(planned.map(({ completion }) => completion));
    return [];
  }

  /**
   * Sets sessions COMPLETED. A page that hbf-core refuses is split until the culprits stand alone; the others go on.
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
  noteCompleted(completions: readonly Completion[]): void {
    for (const completion of completions) this.events.onCompleted(this.latenessMs(completion));
  }

  /** Since the session had ended by its rule. */
  private latenessMs({ rule, thresholdSeconds, lastInteraction }: Completion): number {
    const idleMs = rule === 'live-chat-max-idle' ? this.config.liveChatMaxIdleMs : thresholdSeconds * 1000;
    return Math.max(0, this.clock.now() - lastInteraction.getTime() - idleMs);
  }

  private planOne({ session, rule }: Ended, context: CompletionContext, page: PlannedPage): Planned {
    const { tenant, thresholdSeconds } = context;
    const { deliveries, leftOut } = session.containsUserInteraction ? page.owed.withUser : page.owed.withoutUser;
    const completion: Completion = {
      _id: completionId(session.id, 1),
      sessionId: session.id,
      revision: 1,
      organizationId: tenant.organizationId,
      tenantId: tenant.id,
      state: 'detected',
      open: true,
      rule,
      thresholdSeconds,
      lastInteraction: session.lastInteraction,
      detectedAt: page.detectedAt,
      lease: page.lease,
      leaseUntil: page.leaseUntil,
      deliveries,
      leftOut,
    };
    return { completion, material: new SessionMaterial(completion, this.core, this.tenants, { session, tenant }) };
  }

  /**
   * What to do with sessions that ended before: `returned`, the user came back and it ended again, a new revision;
   * `repeated`, hbf-core forgot; `busy`, another process or the recovery is at work on it.
   */
  private async sortOut(again: readonly Planned[]) {
    const result = { returned: [] as Planned[], repeated: [] as Planned[], busy: [] as string[] };
    if (again.length === 0) return result;
    const latest = await this.completions.latestOf(again.map(sessionIdOf));
    const candidates: Planned[] = [];
    for (const one of again) {
      const { sessionId, lastInteraction } = one.completion;
      const before = latest.get(sessionId);
      if (!before) result.busy.push(sessionId);
      else if (lastInteraction <= before.lastInteraction) result.repeated.push(one);
      else candidates.push(this.asRevision(before.revision + 1, one.completion));
    }
    if (candidates.length === 0) return result;
    const known = await this.detections.add(candidates.map(({ completion }) => completion));
    for (const one of candidates) {
      if (known.has(one.completion._id)) result.busy.push(sessionIdOf(one));
      else result.returned.push(one);
    }
    return result;
  }

  /** Its payload tells the revision, and is made of the session as hbf-core has it then: few sessions return. */
  private asRevision(revision: number, planned: Completion): Planned {
    const completion = { ...planned, _id: completionId(planned.sessionId, revision), revision };
    return { completion, material: new SessionMaterial(completion, this.core, this.tenants) };
  }

  private async giveUp(
    planned: readonly Planned[],
    refused: ReadonlySet<string>,
    { tenant, figures }: CompletionContext,
  ): Promise<void> {
    if (refused.size === 0) return;
    figures.refused += refused.size;
    const given = planned.filter((one) => refused.has(sessionIdOf(one)));
    await this.detections.remove(given.map(({ completion }) => completion));
    for (const id of refused) this.setAside.add(id, tenant.id, 'hbf-core refuses to complete it');
  }
}

function sessionIdOf({ completion }: Planned): string {
  return completion.sessionId;
}
