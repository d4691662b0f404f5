import { Injectable, Logger } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Collection } from 'mongodb';
import type { Model } from 'mongoose';
import { Clock } from '../persistence/clock.js';
import { nativeCollection } from '../persistence/native-collection.js';
import { QUARANTINED_SESSION, type QuarantinedSession } from './quarantine.schema.js';

const TRY_AGAIN_AFTER_MS = 3_600_000;
/** Repetitions after which a session that hbf-core does not complete is left alone. */
const MAX_REPETITIONS = 3;
/** What has not been seen again for this long after it was to be tried again has ended some other way. */
const FORGET_AFTER_MS = 86_400_000;
const AT_MOST = 10_000;
const NEVER = new Date(0);
const MAX_DEATHS = 2;
export const ENDS_THE_PROCESS = 'the process ended each time it was read: it is too large';
const IS_LARGE = 'it takes much of the memory';
const NOT_COMPLETED = 'hbf-core shows it as active again and again after it was completed';

/**
 * Sessions that cannot be completed as they are: hbf-core refuses them, or shows them in a way that cannot be read. Each
 * is logged once and tried again hourly, so that it neither stops nor slows the others. The collection `quarantine`;
 * what is in it is kept in memory between one `load` and the next.
 */
@Injectable()
export class Quarantine {
  private readonly logger = new Logger(Quarantine.name);
  private readonly collection: Collection<QuarantinedSession>;
  private entries = new Map<string, QuarantinedSession>();
  private tenants = new Map<string, number>();
  private readonly changed = new Set<string>();

  constructor(
    @InjectModel(QUARANTINED_SESSION) model: Model<QuarantinedSession>,
    private readonly clock: Clock,
  ) {
    this.collection = nativeCollection(model);
  }

  /** Reads what all replicas have put in. @throws the database's error */
  async load(): Promise<void> {
    await this.save();
    const found = await this.collection.find({}).limit(AT_MOST).toArray();
    const entries = new Map(found.map((entry) => [entry._id, entry]));
    for (const id of this.changed) {
      const own = this.entries.get(id); // a scan that outlives its check may have changed it meanwhile
      if (own) entries.set(id, own);
      else entries.delete(id);
    }
    this.entries = entries;
    this.tenants = new Map();
    for (const { tenantId } of entries.values()) this.addTo(tenantId, 1);
    this.forgetOld();
  }

  /** Whether the session is to be left alone now. */
  holds(sessionId: string): boolean {
    const entry = this.entries.get(sessionId);
    return entry !== undefined && entry.nextTryAt.getTime() > this.clock.now();
  }

  /** Since when the session is known here, as of the latest `load`. */
  sinceOf(sessionId: string): Date | undefined {
    return this.entries.get(sessionId)?.since;
  }

  /**
   * @returns the session's entry while it is to be left alone, as all replicas know it, also between one `load` and the next
   * @throws the database's error
   */
  async find(sessionId: string): Promise<QuarantinedSession | undefined> {
    if (this.changed.has(sessionId)) return this.holds(sessionId) ? this.entries.get(sessionId) : undefined;
    const held = { _id: sessionId, nextTryAt: { $gt: new Date(this.clock.now()) } };
    return (await this.collection.findOne(held)) ?? undefined;
  }

  /** Sessions that are left alone now, as of the latest `load`. */
  get count(): number {
    return [...this.entries.keys()].filter((id) => this.holds(id)).length;
  }

  /** Whether a session of the tenant is known here. */
  knowsSomeOf(tenantId: string): boolean {
    return (this.tenants.get(tenantId) ?? 0) > 0;
  }

  /** Leaves a session alone for an hour, from now on. */
  add(sessionId: string, tenantId: string, reason: string): void {
    const known = this.entries.get(sessionId)?.reason;
    const entry = this.entryOf(sessionId, tenantId, reason);
    this.set({ ...entry, reason, nextTryAt: new Date(this.clock.now() + TRY_AGAIN_AFTER_MS) });
    if (known !== reason) this.logger.warn({ sessionId, tenantId, reason }, 'session.quarantined');
  }

  /** Counts that hbf-core shows a completed session as ACTIVE again; the third time it is put in quarantine. */
  repeated(sessionId: string, tenantId: string): void {
    const entry = this.entryOf(sessionId, tenantId, NOT_COMPLETED);
    const repetitions = entry.repetitions + 1;
    this.set({ ...entry, repetitions });
    if (repetitions >= MAX_REPETITIONS) this.add(sessionId, tenantId, NOT_COMPLETED);
  }

  /** Whether a process has ended while it read the session, as of the latest `load`. */
  hasDeaths(sessionId: string): boolean {
    return (this.entries.get(sessionId)?.deaths ?? 0) > 0;
  }

  /** @returns whether the process has ended twice over it: it is in quarantine from now on, and must not be read */
  endsTheProcess(sessionId: string, tenantId: string): boolean {
    if ((this.entries.get(sessionId)?.deaths ?? 0) < MAX_DEATHS) return false;
    this.add(sessionId, tenantId, ENDS_THE_PROCESS);
    return true;
  }

  /** Notes in the database that a session is read now that takes much of the memory. @throws the database's error */
  async beginReading(sessionId: string, tenantId: string): Promise<void> {
    const entry = this.entryOf(sessionId, tenantId, IS_LARGE);
    this.set({ ...entry, deaths: entry.deaths + 1 });
    await this.save();
  }

  /** The process has not ended over the session: nothing remains of `beginReading`. */
  endReading(sessionId: string): void {
    const entry = this.entries.get(sessionId);
    if (!entry || entry.deaths === 0) return;
    if (entry.repetitions === 0 && !this.holds(sessionId)) this.remove(sessionId);
    else this.set({ ...entry, deaths: 0 });
  }

  /** Takes out what was completed. */
  remove(sessionId: string): void {
    const entry = this.entries.get(sessionId);
    if (!entry) return;
    this.entries.delete(sessionId);
    this.addTo(entry.tenantId, -1);
    this.changed.add(sessionId);
  }

  /** Writes what has changed. @throws the database's error; it is written the next time */
  async save(): Promise<void> {
    const writing = [...this.changed].map((_id) => ({ _id, entry: this.entries.get(_id) }));
    if (writing.length === 0) return;
    const operations = writing.map(({ _id, entry }) =>
      entry
        ? { replaceOne: { filter: { _id }, replacement: withoutId(entry), upsert: true } }
        : { deleteOne: { filter: { _id } } },
    );
    await this.collection.bulkWrite(operations, { ordered: false });
    // what changed while it was written is written the next time
    for (const { _id, entry } of writing) if (this.entries.get(_id) === entry) this.changed.delete(_id);
  }

  /** @returns what is in quarantine now, as all replicas know it; the oldest first. @throws the database's error */
  async list(limit: number): Promise<QuarantinedSession[]> {
    const held = { nextTryAt: { $gt: new Date(this.clock.now()) } };
    return this.collection.find(held).sort({ since: 1 }).limit(limit).toArray();
  }

  /** What is known of a session; of one that is not known, an entry that counts nothing yet and holds nothing back. */
  private entryOf(_id: string, tenantId: string, reason: string): QuarantinedSession {
    const since = new Date(this.clock.now());
    return this.entries.get(_id) ?? { _id, tenantId, reason, since, deaths: 0, repetitions: 0, nextTryAt: NEVER };
  }

  private set(entry: QuarantinedSession): void {
    if (!this.entries.has(entry._id)) this.addTo(entry.tenantId, 1);
    this.entries.set(entry._id, entry);
    this.changed.add(entry._id);
  }

  private addTo(tenantId: string, change: 1 | -1): void {
    this.tenants.set(tenantId, (this.tenants.get(tenantId) ?? 0) + change);
  }

  private forgetOld(): void {
    const old = this.clock.now() - FORGET_AFTER_MS;
    for (const { _id, since, nextTryAt } of this.entries.values()) {
      if (since.getTime() < old && nextTryAt.getTime() < old) this.remove(_id);
    }
  }
}

function withoutId({ _id, ...rest }: QuarantinedSession): Omit<QuarantinedSession, '_id'> {
  return rest;
}
