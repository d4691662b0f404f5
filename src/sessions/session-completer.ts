import { Injectable, Logger } from '@nestjs/common';
import { completionId, type EndedSession, type IntentLease } from '../completions/completion.js';
import { CompletionRepository } from '../completions/completion.repository.js';
import { IntentRepository } from '../completions/intent.repository.js';
import { Config } from '../config/config.js';
import { FirstAttempts } from '../deliveries/first-attempts.js';
import { PayloadSource } from '../deliveries/payload-source.js';
import { Clock } from '../persistence/clock.js';
import { Heartbeat } from '../persistence/heartbeat.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient } from '../platform/core/core.client.js';
import { TenantDirectory } from '../platform/core/tenant-directory.js';
import { MemoryBudget } from '../platform/memory-budget.js';
import type { Reservation } from '../platform/reservation.js';
import { traced } from '../tracing/tracing.js';
import { CoreCompletion } from './core-completion.js';
import type { Planned, ReadSession } from './delivery-plan.js';
import { DeliveryPlanner } from './delivery-planner.js';
import { endOf, lastSignOfLife } from './expiry-policy.js';
import { Quarantine } from './quarantine.js';
import { Refusals } from './refusals.js';
import { SessionEvents } from './session-events.js';

/**
 * What became of a session: `completed`; `active`, hbf-core still lists it as far as is known, or somebody else is at
 * work on it; `again`, it was read so long ago that it must be read again.
 */
export type CompletionResult = 'completed' | 'active' | 'again';

/**
 * Ends sessions, a batch at a time, in the order that loses nothing: write the intent, tell hbf-core, deliver. If the
 * process ends after the first step, Recovery does the rest.
 */
@Injectable()
export class SessionCompleter {
  private readonly logger = new Logger(SessionCompleter.name);

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly heartbeat: Heartbeat,
    private readonly core: CoreClient,
    private readonly coreCompletion: CoreCompletion,
    private readonly tenants: TenantDirectory,
    private readonly planner: DeliveryPlanner,
    private readonly intents: IntentRepository,
    private readonly completions: CompletionRepository,
    private readonly firstAttempts: FirstAttempts,
    private readonly budget: MemoryBudget,
    private readonly quarantine: Quarantine,
    private readonly refusals: Refusals,
    private readonly events: SessionEvents,
  ) {}

  /**
   * Long enough for the calls to hbf-core, the wait for a turn and the first attempts. A process that needs longer
   * (because it was paused, for instance) loses the batch to the recovery of another.
   */
  get leaseMs(): number {
    return 4 * this.config.requestTimeoutMs + 2 * this.config.longestDeliveryMs + 10_000;
  }

  /**
   * A read session with its payload, serialised at once: as parsed it would be in memory while it waits for its batch.
   *
   * @param room that it takes in memory; given back when its first attempts are over, or it is not completed
   */
  read(
    session: ChatSession,
    facts: Pick<ReadSession, 'rule' | 'thresholdSeconds' | 'tenant' | 'readAt' | 'run'>,
    room: Reservation,
  ): ReadSession {
    const { id, lastInteraction, containsUserInteraction } = session;
    const { tenant, rule, run, thresholdSeconds, readAt } = facts;
    const ended = { sessionId: id, revision: 1, organizationId: tenant.organizationId, tenantId: tenant.id };
    const source = new PayloadSource(ended, this.core, this.tenants, { session, tenant, room });
    return {
      id,
      lastInteraction,
      lastSignOfLife: rule === 'live-chat-max-idle' ? lastSignOfLife(session, run.now) : undefined,
      containsUserInteraction,
      rule,
      thresholdSeconds,
      tenant,
      source,
      readAt,
      run,
    };
  }

  /**
   * Ends a batch of sessions, of any tenants, which have permits (FirstAttempts.reserve), so that their first attempts
   * start right after hbf-core was told.
   *
   * @returns what became of each, by session id
   * @throws PlatformError when hbf-core fails; what was written down is left to the recovery
   */
  complete(batch: readonly ReadSession[]): Promise<Map<string, CompletionResult>> {
    const attributes = () => ({ 'hbf.sessions.ended': batch.length });
    return traced({ name: 'completion', attributes }, () => this.completeBatch(batch));
  }

  private async completeBatch(all: readonly ReadSession[]): Promise<Map<string, CompletionResult>> {
    const batch = all.filter(({ tenant, run }) => !run.suspect.has(tenant.id));
    const lease = { lease: this.heartbeat.token(), leaseUntil: new Date(this.clock.now() + this.leaseMs) };
    const { planned, integrations } = await this.planner.plan(batch);
    const known = await this.addIntent(lease, planned);
    const fresh = planned.filter((one) => !known.has(one.planned._id));
    const again = planned.filter((one) => known.has(one.planned._id));
    const { returned, repeated } = await this.sortOut(lease, again);
    const results = new Map<string, CompletionResult>(all.map(({ id }) => [id, 'active']));
    const { inTime, late } = this.byAge([...fresh, ...returned]);
    await this.startOver(lease, late, results);
    if (!(await this.heartbeat.stillHolds(lease.lease))) {
      await this.startOver(lease, inTime, results);
      return results;
    }

    const evidence = { patched: batch.some(({ run }) => run.patched) };
    const told = await this.coreCompletion.complete(
      [...inTime, ...repeated].map(({ planned: one }) => one),
      evidence,
      lease.lease,
    );
    if (evidence.patched) for (const { run } of batch) run.patched = true;
    const completed = inTime.filter(({ read }) => told.completed.has(read.id));
    await this.giveUp(
      lease,
      inTime.filter(({ read }) => told.refused.has(read.id)),
      batch.length === 1,
    );
    for (const { read } of repeated) this.noteRepeated(read, told.refused.has(read.id));
    for (const { read } of completed) this.noteDone(read, results);
    this.noteCompleted(completed.map((one) => one.planned));
    const whole = !inTime.some(({ read }) => told.unknown.has(read.id));
    // with outcomes on their way the lease must last: a completion that is not written yet would be made twice
    if (!whole && completed.length === 0) await this.intents.endLease(lease.lease, new Date(this.clock.now()));
    this.firstAttempts.begin(lease, completed, integrations, { whole });
    return results;
  }

  /** @returns the ids that are intended or completed already */
  private addIntent(lease: IntentLease, sessions: readonly Planned[]): Promise<Set<string>> {
    return this.intents.add(
      lease,
      sessions.map(({ planned }) => planned),
    );
  }

  private byAge(sessions: readonly Planned[]): { inTime: Planned[]; late: Planned[] } {
    const oldest = Date.now() - this.leaseMs;
    const inTime = sessions.filter(({ read }) => read.readAt >= oldest);
    return { inTime, late: sessions.filter(({ read }) => read.readAt < oldest) };
  }

  /**
   * A process that was paused acts on what is long out of date: others have completed the sessions, and where the user
   * came back, hbf-core would end a session that the user is writing in. Nobody is told; the intents are removed, if the
   * recovery of another process has not taken them over.
   */
  private async startOver(lease: IntentLease, late: readonly Planned[], results: Map<string, CompletionResult>) {
    if (late.length === 0) return;
    this.logger.warn({ sessions: late.length }, 'completion.out-of-date');
    for (const { read } of late) results.set(read.id, 'again');
    await this.removeIntents(lease, late);
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
   * `repeated`, hbf-core shows it ACTIVE again, untouched. Of the others, another process or the recovery is at work.
   */
  private async sortOut(lease: IntentLease, again: readonly Planned[]) {
    const result = { returned: [] as Planned[], repeated: [] as Planned[] };
    if (again.length === 0) return result;
    const latest = await this.completions.latestOf(again.map(({ read }) => read.id));
    const candidates: Planned[] = [];
    for (const one of again) {
      const before = latest.get(one.read.id);
      if (!before) continue;
      if (one.planned.lastInteraction <= before.lastInteraction) result.repeated.push(one);
      else candidates.push(this.asRevision(before.revision + 1, one));
    }
    if (candidates.length === 0) return result;
    const known = await this.addIntent(lease, candidates);
    result.returned = candidates.filter(({ planned }) => !known.has(planned._id));
    return result;
  }

  /** Its payload tells the revision, and is made of the session as hbf-core has it then: few sessions return. */
  private asRevision(revision: number, { planned: first, read }: Planned): Planned {
    const planned = { ...first, _id: completionId(first.sessionId, revision), revision };
    read.source.close();
    const { budget } = this;
    return { planned, read, source: new PayloadSource(planned, this.core, this.tenants, { budget }) };
  }

  private async giveUp(lease: IntentLease, refused: readonly Planned[], alone: boolean): Promise<void> {
    await this.removeIntents(lease, refused);
    for (const { read } of refused) this.noteRefused(read, alone);
  }

  private noteRefused({ id, tenant, run }: ReadSession, alone: boolean): void {
    run.figures.refused++;
    run.apart.add(tenant.id);
    this.refusals.note(id, tenant.id, { patched: run.patched, alone });
  }

  private noteRepeated(read: ReadSession, refused: boolean): void {
    read.run.figures.repeated++;
    this.quarantine.repeated(read.id, read.tenant.id);
    if (refused) this.noteRefused(read, true);
  }

  private noteDone({ id, run }: ReadSession, results: Map<string, CompletionResult>): void {
    run.figures.completed++;
    results.set(id, 'completed');
    this.quarantine.remove(id);
  }

  private async removeIntents({ lease }: IntentLease, sessions: readonly Planned[]): Promise<void> {
    await this.intents.remove(
      lease,
      sessions.map(({ planned }) => planned._id),
    );
  }
}
