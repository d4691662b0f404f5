import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Collection, UpdateFilter } from 'mongodb';
import type { Model } from 'mongoose';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Config } from '../config/config.js';
import { Database } from './database.js';
import { HEARTBEATS, type HeartbeatsDocument, type Members } from './heartbeat.schema.js';
import { BEAT_MS, goneStarts, liveStarts, nextBeatIn } from './membership.js';
import { nativeCollection } from './native-collection.js';

const ALL = 'members';
/** A process whose last written beat is older starts nothing on what it holds. */
const HOLDS_MS = 4_000;
/** Three beats. A process that could not beat for longer gives the others as long to beat again. */
const SILENT_MS = 6_000;
/**
 * Journaled, as everything else: a crash of the database that lost the members would have each process take itself for
 * gone, and send again what it was sending. The time-out lets the next beat try a new connection when this one hangs.
 */
const IN_TIME = { timeoutMS: 3_000 } as const;

/** Which starts have come and gone since the beat before. */
export interface MembersChange {
  joined: readonly string[];
  left: readonly string[];
}

/**
 * The one heartbeat of this process: one database command every two seconds says that it is there, and tells which others
 * are. What a process holds (leases of intents, claims of deliveries, its share of the tenants) is held under a start id,
 * by a token that begins with it, and is freed by the others when that start is gone: 20 seconds after its last beat, or
 * five when the same INSTANCE_NAME has been started again, by the database's clock.
 *
 * Joined when `Database.whenReady` resolves. A process that the others took for gone joins again under a new start id.
 */
@Injectable()
export class Heartbeat implements OnApplicationBootstrap {
  /** The live starts, this one among them, ordered; empty before the first beat. */
  members: readonly string[] = [];

  private readonly logger = new Logger(Heartbeat.name);
  /** The native driver's, for the time-out. */
  private readonly heartbeats: Collection<HeartbeatsDocument>;
  /** INSTANCE_NAME, or the host name. */
  readonly name: string;
  private readonly memberListeners: ((change: MembersChange) => void)[] = [];
  private readonly goneListeners: ((startId: string) => void)[] = [];
  /** Start ids that this process had before and that are not freed yet. */
  private readonly former = new Set<string>();
  private id: string = randomUUID();
  private joined = false;
  private stopped = false;
  /** When the last beat that was written was sent; ms of the monotonic clock, which no correction of the time moves. */
  private sentAt = -Infinity;
  /** Until then nobody is taken for gone; ms of the monotonic clock. */
  private patientUntil = -Infinity;
  /** As the last beat has shown them. */
  private seen: { members: Members; now: number } = { members: {}, now: 0 };
  private beating?: Promise<void>;
  private timer?: NodeJS.Timeout;

  constructor(
    @InjectModel(HEARTBEATS) model: Model<HeartbeatsDocument>,
    private readonly database: Database,
    config: Config,
  ) {
    this.heartbeats = nativeCollection(model);
    this.name = config.instanceName ?? hostname();
    database.prepareWith(() => this.write());
  }

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => this.goOn());
  }

  /** Of this process among the replicas; another one after the others took this process for gone. */
  get startId(): string {
    return this.id;
  }

  /** A new token for a lease or a claim: `<startId>.<uuid>`. */
  token(): string {
    return `${this.id}.${randomUUID()}`;
  }

  /** Whether the last written beat, from before it was sent, is younger than four seconds. */
  get holds(): boolean {
    return !this.stopped && performance.now() - this.sentAt < HOLDS_MS;
  }

  /** Whether what was taken by `token` is still held, by the last written beat. */
  holdsBy(token: string | undefined): boolean {
    return token !== undefined && token.startsWith(this.id) && this.holds;
  }

  /** @returns `holds`, after a beat where the last one is too old; never rejects */
  async confirmed(): Promise<boolean> {
    if (!this.holds) await this.beat();
    return this.holds;
  }

  /** @returns whether what was taken by `token` is still held; asks the database where the last beat is too old */
  async stillHolds(token: string | undefined): Promise<boolean> {
    return (await this.confirmed()) && this.holdsBy(token);
  }

  listenToMembers(listener: (change: MembersChange) => void): void {
    this.memberListeners.push(listener);
  }

  /** @param listener is told at every beat of a start that is gone, until `remove` has been called for it */
  listenToGone(listener: (startId: string) => void): void {
    this.goneListeners.push(listener);
  }

  /** One beat; joins the one under way. Never rejects: the next beat tries again, and `holds` ends by itself. */
  beat(): Promise<void> {
    if (this.stopped) return this.beating ?? Promise.resolve();
    this.beating ??= this.beatOnce()
      .catch((error: Error) => this.logger.warn({ reason: error.message }, 'heartbeat.failed'))
      .finally(() => (this.beating = undefined));
    return this.beating;
  }

  /** Takes a start that is gone, and freed, out of the members. */
  async remove(startId: string): Promise<void> {
    await this.heartbeats.updateOne({ _id: ALL }, { $unset: { [`members.${startId}`]: 1 } }, IN_TIME);
    this.former.delete(startId);
  }

  /** Ends the beats: this process holds nothing from here on. Resolves when no beat is under way any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.beating;
  }

  private async goOn(): Promise<void> {
    const began = performance.now();
    await this.beat();
    if (this.stopped) return;
    const { members, now } = this.seen;
    const pause = this.sentAt < began ? BEAT_MS : nextBeatIn(members, now);
    this.timer = setTimeout(() => void this.goOn(), pause).unref();
  }

  private async beatOnce(): Promise<void> {
    await this.write();
    const { members, now } = this.seen;
    for (const startId of this.sentAt < this.patientUntil ? [] : goneStarts(members, now)) {
      if (await this.mark(startId, members)) this.tellGone(startId);
    }
    for (const startId of this.former) this.tellGone(startId);
  }

  /** Writes a beat and takes in what it shows. @throws a database error */
  private async write(): Promise<void> {
    const sentAt = performance.now();
    const members = this.joined ? await this.renew() : await this.join();
    if (members) return this.take(members, sentAt);
    if (this.stopped) return;
    this.logger.warn({ startId: this.id }, 'heartbeat.taken-for-gone');
    this.former.add(this.id);
    this.id = randomUUID();
    this.joined = false;
    await this.write();
  }

  private take(members: Members, sentAt: number): void {
    this.joined = true;
    const now = members[this.id]!.beatAt.getTime();
    // the database was away, or its clock was set forward: the others may be there, and as silent as this process was
    const silentMs = this.seen.now === 0 ? 0 : Math.max(sentAt - this.sentAt, now - this.seen.now);
    if (silentMs > SILENT_MS) this.patientUntil = sentAt + SILENT_MS;
    this.sentAt = sentAt;
    this.seen = { members, now };
    const before = this.members;
    this.members = liveStarts(members, now);
    const joined = this.members.filter((id) => !before.includes(id));
    const left = before.filter((id) => !this.members.includes(id));
    if (joined.length + left.length === 0) return;
    this.logger.log({ members: this.members.length, joined, left }, 'heartbeat.members');
    for (const listener of this.memberListeners) listener({ joined, left });
  }

  private join(): Promise<Members | undefined> {
    const at = `members.${this.id}`;
    const update = { $set: { [`${at}.name`]: this.name }, $currentDate: { [`${at}.startedAt`]: true, [`${at}.beatAt`]: true } } as const; // prettier-ignore
    return this.update({}, update, true);
  }

  /** @returns undefined when the others took this start for gone */
  private renew(): Promise<Members | undefined> {
    const at = `members.${this.id}`;
    const there = { [`${at}.beatAt`]: { $exists: true }, [`${at}.gone`]: { $exists: false } };
    return this.update(there, { $currentDate: { [`${at}.beatAt`]: true } } as const, false);
  }

  private async update(
    filter: Record<string, unknown>,
    update: UpdateFilter<HeartbeatsDocument>,
    upsert: boolean,
  ): Promise<Members | undefined> {
    const options = { ...IN_TIME, upsert, returnDocument: 'after' } as const;
    return (await this.heartbeats.findOneAndUpdate({ _id: ALL, ...filter }, update, options))?.members;
  }

  /**
   * From here on the gone start cannot go on under its id: a beat of it shows that it is gone, so that it starts nothing
   * while what it held is being freed.
   *
   * @returns false when it has beaten meanwhile, or was removed
   */
  private async mark(startId: string, members: Members): Promise<boolean> {
    const at = `members.${startId}`;
    const silent = { _id: ALL, [`${at}.beatAt`]: members[startId]!.beatAt };
    return (await this.heartbeats.updateOne(silent, { $set: { [`${at}.gone`]: true } }, IN_TIME)).matchedCount > 0;
  }

  private tellGone(startId: string): void {
    for (const listener of this.goneListeners) listener(startId);
  }
}
