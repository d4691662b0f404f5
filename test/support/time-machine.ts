import type { Db, Document } from 'mongodb';
import type { CoreSimulator } from '../world/platform/core-simulator.js';
import { datesIn } from './dates.js';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/**
 * Longer than any lease of a process, on an intent, a delivery or a job; shorter than the ten minutes after which the
 * sessions of most tests end.
 */
export const LEASE_PASSES_MS = 5 * MINUTE_MS;

/** Names the next due time of each destination, and counts its changes. */
const DESTINATIONS = 'destinations';

/**
 * Lets time pass without waiting: it makes data older and moves no clock. Every date in the service's database, and every
 * date of hbf-core's sessions and pipelines, becomes earlier by the same span. So a lease passes, a retry falls due, a
 * circuit lets its probe through, a session has been quiet for longer, and what belonged together still does.
 *
 * The paths of dates are found by walking the documents: a new field needs no change here. What the service remembers in
 * memory does not age.
 */
export class TimeMachine {
  /** @param core its sessions and pipelines age, too; without it, only the database does */
  constructor(
    private readonly db: Db,
    private readonly core?: CoreSimulator,
  ) {}

  /** @param ms by how much everything becomes older */
  async age(ms: number): Promise<void> {
    this.core?.age(ms);
    const collections = await this.db.listCollections({}, { nameOnly: true }).toArray();
    // destinations last: a retry worker that sees one due must find its deliveries due
    const names = collections.map(({ name }) => name).filter((name) => name !== DESTINATIONS);
    for (const name of [...names, DESTINATIONS]) {
      for (const document of await this.db.collection(name).find().toArray()) {
        await this.ageDocument(name, document, ms);
      }
    }
  }

  /** Changes the dates alone, and only as they were read: a service at work may write to the document meanwhile. */
  private async ageDocument(name: string, { _id, ...document }: Document, ms: number): Promise<void> {
    const dates = [...datesIn(document)];
    if (dates.length === 0) return;
    const earlier = dates.map(([path, date]) => [path, new Date(date.getTime() - ms)]);
    const change = {
      $set: Object.fromEntries(earlier) as Document,
      // or a retry worker that reckoned the due time before this would write it back
      ...(name === DESTINATIONS && { $inc: { version: 1 } }),
    };
    const collection = this.db.collection(name);
    const { matchedCount } = await collection.updateOne({ _id, ...Object.fromEntries(dates) }, change);
    if (matchedCount === 1) return;
    const changed = await collection.findOne({ _id });
    if (changed) await this.ageDocument(name, changed, ms);
  }
}
