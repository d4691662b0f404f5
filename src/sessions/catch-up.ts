import { Injectable, Logger } from '@nestjs/common';
import pLimit from 'p-limit';
import { Config } from '../config/config.js';
import { FirstAttempts } from '../deliveries/first-attempts.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import { JobLease } from '../persistence/job-lease.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient } from '../platform/core/core.client.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { PlatformError } from '../platform/platform-error.js';
import type { CheckFigures } from './check-figures.js';
import { CompletionPace, PaceTimer } from './completion-pace.js';
import { EndedSessions } from './ended-sessions.js';
import { decide, thresholdOf } from './expiry-policy.js';
import { Oldest } from './oldest.js';
import { type Ended, SessionCompleter } from './session-completer.js';
import { Quarantine } from './quarantine.js';
import { byShard, SHARD_LEASE_MS, shardLease } from './shards.js';

/** What one check completes at most, in minutes of the pace: then the backlog is looked at anew. */
const CHECK_MINUTES = 5;
const CALLS_AT_ONCE = 8;
const FAILURES_IN_A_ROW = 3;
const RENEW_LEASES_AFTER_MS = SHARD_LEASE_MS / 4;

/** An ended session that waits for its turn: no more than is needed to order very many of them. */
interface Waiting {
  id: string;
  tenant: Tenant;
  lastInteraction: Date;
}

interface Round {
  now: number;
  figures: CheckFigures;
  /** Tenants for which a call failed; the next check tries again. */
  failed: Set<Tenant>;
  failuresInARow: number;
}

/**
 * The session check at a limited pace (SESSION_CHECK_MAX_COMPLETIONS_PER_MIN): the sessions that were quiet first are
 * completed first, over all tenants. hbf-core sorts nothing, so ids and last interactions of all that have ended are
 * listed without messages, sorted here, and each session is read again by its id when its turn comes, which costs a call
 * for each session; a limit is low, or this would matter. Without a limit all goes at once, in pages, and no order helps.
 *
 * The order is exact to within one second's worth of the pace. The limit and the order are those of one process: a
 * second replica takes only tenants that the first has no lease on.
 */
@Injectable()
export class CatchUp {
  private readonly logger = new Logger(CatchUp.name);

  constructor(
    private readonly config: Config,
    private readonly lease: JobLease,
    private readonly core: CoreClient,
    private readonly integrations: IntegrationRepository,
    private readonly endedSessions: EndedSessions,
    private readonly completer: SessionCompleter,
    private readonly firstAttempts: FirstAttempts,
    private readonly quarantine: Quarantine,
    private readonly pace: CompletionPace,
    private readonly timer: PaceTimer,
  ) {}

  /** Whether there is a limit, and this is the way to check. */
  get limited(): boolean {
    return this.pace.limited;
  }

  /**
   * @param now the check's one point in time, epoch ms
   * @param mayGoOn asked before each portion and while it waits for one
   * @throws a database error; what fails of hbf-core is counted and left to the next check
   */
  async run(
    tenants: readonly Tenant[],
    now: number,
    figures: CheckFigures,
    mayGoOn: () => Promise<boolean>,
  ): Promise<void> {
    const held = await this.takeShards(tenants);
    try {
      const round: Round = { now, figures, failed: new Set(), failuresInARow: 0 };
      const waiting = await this.list([...held.values()].flat(), round);
      figures.deferred = waiting.count;
      const goOn = this.whileLeased([...held.keys()], mayGoOn);
      await this.drain(waiting.list(), round, goOn);
    } finally {
      for (const shard of held.keys()) await this.lease.release(shardLease(shard));
    }
  }

  private async takeShards(tenants: readonly Tenant[]): Promise<Map<number, Tenant[]>> {
    const held = new Map<number, Tenant[]>();
    for (const [shard, members] of byShard(tenants)) {
      if (await this.lease.take(shardLease(shard), SHARD_LEASE_MS)) held.set(shard, members);
    }
    return held;
  }

  /** A portion a second is too often to renew sixteen leases. */
  private whileLeased(shards: readonly number[], mayGoOn: () => Promise<boolean>): () => Promise<boolean> {
    let renewedAt = this.timer.now();
    return async () => {
      if (!(await mayGoOn())) return false;
      if (this.timer.now() - renewedAt < RENEW_LEASES_AFTER_MS) return true;
      renewedAt = this.timer.now();
      for (const shard of shards) if (!(await this.lease.take(shardLease(shard), SHARD_LEASE_MS))) return false;
      return true;
    };
  }

  private async list(tenants: readonly Tenant[], round: Round): Promise<Oldest<Waiting>> {
    const waiting = new Oldest<Waiting>(CHECK_MINUTES * this.config.maxCompletionsPerMin);
    const limit = pLimit(CALLS_AT_ONCE);
    await Promise.all(tenants.map((tenant) => limit(() => this.listOne(tenant, round, waiting))));
    return waiting;
  }

  private async listOne(tenant: Tenant, round: Round, waiting: Oldest<Waiting>): Promise<void> {
    if (round.failuresInARow >= FAILURES_IN_A_ROW) return;
    const { figures, now } = round;
    figures.tenantsScanned++;
    await this.guarded(tenant, round, async () => {
      const rejected = await this.endedSessions.each(tenant, now, ({ session, decision }) => {
        if (decision.action === 'hold') figures.held++;
        else if (!this.quarantine.has(session.id)) {
          waiting.add({ id: session.id, tenant, lastInteraction: session.lastInteraction });
        }
      });
      for (const { id, problem } of rejected) this.quarantine.add(id, tenant.id, problem);
      figures.malformed += rejected.length;
    });
  }

  private async drain(queue: Waiting[], round: Round, mayGoOn: () => Promise<boolean>): Promise<void> {
    while (queue.length > 0 && round.failuresInARow < FAILURES_IN_A_ROW) {
      const given = await this.pace.next(Math.min(queue.length, this.config.sessionPageSize), mayGoOn);
      if (given === 0) return;
      const portion = queue.splice(0, given);
      round.figures.deferred -= portion.length;
      for (const [tenant, members] of byTenant(portion)) {
        if (!round.failed.has(tenant))
          await this.guarded(tenant, round, () => this.completeWithPermits(tenant, members, round));
      }
    }
  }

  private async completeWithPermits(tenant: Tenant, members: readonly Waiting[], round: Round): Promise<void> {
    const permits = await this.firstAttempts.reserve(members.length);
    try {
      await this.complete(tenant, members, round);
    } finally {
      permits.release();
    }
  }

  private async complete(tenant: Tenant, members: readonly Waiting[], round: Round): Promise<void> {
    const threshold = thresholdOf(tenant, this.config.defaultThresholdSeconds);
    const limit = pLimit(CALLS_AT_ONCE);
    const readAt = Date.now();
    const read = await Promise.all(members.map(({ id }) => limit(() => this.read(id, tenant, round))));
    const ended: Ended[] = [];
    for (const session of read) {
      if (!session) continue;
      const { liveChatMaxIdleMs } = this.config;
      const decision = decide(session, { now: round.now, threshold, liveChatMaxIdleMs });
      if (decision.action === 'complete') ended.push({ session, rule: decision.rule });
    }
    if (ended.length === 0) return;
    round.figures.found += ended.length;
    const integrations = await this.integrations.enabledForTenants([tenant.id]);
    const context = { tenant, thresholdSeconds: threshold.seconds, integrations, figures: round.figures, readAt };
    const staying = await this.completer.complete(this.completer.plan(ended, context), context);
    // the oldest ones would else be first again in each check, and take the permits of all others
    for (const id of staying) this.quarantine.add(id, tenant.id, 'hbf-core shows it as active after it was completed');
  }

  /** @returns undefined when it is gone, or not readable */
  private async read(id: string, tenant: Tenant, { figures }: Round): Promise<ChatSession | undefined> {
    try {
      return await this.core.getSession(id, { includeMessages: true });
    } catch (error) {
      if (!(error instanceof PlatformError) || error.kind !== 'shape') throw error;
      this.quarantine.add(id, tenant.id, error.cause instanceof Error ? error.cause.message : error.message);
      figures.malformed++;
      return undefined;
    }
  }

  private async guarded(tenant: Tenant, round: Round, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      round.failuresInARow = 0;
    } catch (error) {
      round.failuresInARow++;
      round.failed.add(tenant);
      round.figures.tenantsFailed++;
      this.logger.error({ tenantId: tenant.id, reason: (error as Error).message }, 'session-check.tenant-failed');
    }
  }
}

function byTenant(waiting: readonly Waiting[]): Map<Tenant, Waiting[]> {
  const groups = new Map<Tenant, Waiting[]>();
  for (const one of waiting) groups.set(one.tenant, [...(groups.get(one.tenant) ?? []), one]);
  return groups;
}
