import { Injectable, Logger } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { AnyBulkWriteOperation, Collection } from 'mongodb';
import type { Model } from 'mongoose';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import { nativeCollection } from '../persistence/native-collection.js';
import { HELD_SESSION, type HeldSession } from './held-session.schema.js';
import { Shares } from './shares.js';

const AT_MOST = 10_000;
const DAY_MS = 86_400_000;
/** What other replicas have stored is seen within this time where this one holds nothing. */
const READ_AGAIN_MS = 600_000;

/** Which sessions of a tenant one scan has found held. */
export interface HeldScan {
  /** Epoch milliseconds of the database's clock. */
  readonly beganAt: number;
  readonly ids: Set<string>;
}

/**
 * Since when open live chats hold sessions back: the collection `held-sessions`, at most ten thousand of them. A check
 * reads it once where it has found a session held, or where one is stored, and writes what has changed: one that is held
 * is inserted by the first check that finds it, and removed by the first that does not. A replica that holds nothing
 * reads it every ten minutes, as tenants move between replicas.
 */
@Injectable()
export class HeldSessions {
  private readonly logger = new Logger(HeldSessions.name);
  private readonly collection: Collection<HeldSession>;
  /** By tenant: scans that have ended since the latest `save`. */
  private scans = new Map<string, HeldScan & { whole: boolean }>();
  private someStored = true;
  /** Monotonic, in milliseconds. */
  private readAt = -Infinity;

  constructor(
    @InjectModel(HELD_SESSION) model: Model<HeldSession>,
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly shares: Shares,
  ) {
    this.collection = nativeCollection(model);
  }

  begin(): HeldScan {
    return { beganAt: this.clock.now(), ids: new Set() };
  }

  /** @param whole whether the tenant's list was read whole: what it does not have is not held any more */
  end(tenantId: string, scan: HeldScan, whole: boolean): void {
    this.scans.set(tenantId, { ...scan, whole });
  }

  /** Writes what the scans since the last time have changed. Never rejects: it is noted for people who look, no more. */
  async save(): Promise<void> {
    const { scans } = this;
    this.scans = new Map();
    const nothingHeld = [...scans.values()].every(({ ids }) => ids.size === 0);
    if (nothingHeld && !this.someStored && performance.now() - this.readAt < READ_AGAIN_MS) return;
    try {
      await this.write(scans);
    } catch (error) {
      this.someStored = true;
      this.logger.warn({ reason: (error as Error).message }, 'held-sessions.not-saved');
    }
  }

  /** @returns since when each of them is held, where that is known; @throws the database's error */
  async sinceOf(ids: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    if (ids.length === 0) return new Map();
    const found = await this.collection.find({ _id: { $in: [...ids] } }, { projection: { since: 1 } }).toArray();
    return new Map(found.map(({ _id, since }) => [_id, since]));
  }

  private async write(scans: HeldSessions['scans']): Promise<void> {
    const stored = await this.collection.find({}).limit(AT_MOST).toArray();
    this.readAt = performance.now();
    const gone = stored.filter((one) => this.isOver(one, scans.get(one.tenantId)));
    const known = new Set(stored.map(({ _id }) => _id));
    const added = [...scans]
      .flatMap(([tenantId, { ids, beganAt }]) => [...ids].map((_id) => ({ _id, tenantId, since: new Date(beganAt) })))
      .filter(({ _id }) => !known.has(_id))
      .slice(0, AT_MOST - stored.length);
    this.someStored = stored.length - gone.length + added.length > 0;
    const operations: AnyBulkWriteOperation<HeldSession>[] = [
      // another replica may have removed it and stored it anew
      ...gone.map(({ _id, since }) => ({ deleteOne: { filter: { _id, since } } })),
      // another replica may have been first
      ...added.map(({ _id, ...rest }) => ({
        updateOne: {
          filter: { _id },
          update: { $setOnInsert: { ...rest, heldBy: 'live-chat-open' as const } },
          upsert: true,
        },
      })),
    ];
    if (operations.length > 0) await this.collection.bulkWrite(operations, { ordered: false });
  }

  /** Not held any more; or past the retention, where the tenant is not scanned any more. */
  private isOver({ _id, tenantId, since }: HeldSession, scan: (HeldScan & { whole: boolean }) | undefined): boolean {
    if (scan?.ids.has(_id)) return false;
    // one that was stored after this scan began was held later than the scan saw
    if (scan?.whole && since.getTime() <= scan.beganAt) return true;
    const old = this.clock.now() - this.config.retentionDays * DAY_MS;
    return since.getTime() < old && this.shares.isMine(tenantId);
  }
}
