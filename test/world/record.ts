import type { Collection, Db } from 'mongodb';
import { type Completion, plannedDeliveries, type SessionRecord } from '../../src/completions/completion.js';
import { DUE_INDEX } from '../../src/completions/completion.schema.js';
import { type IntendedCompletion, intendedIn as sessionsOf } from '../../src/completions/intent.repository.js';
import type { Intent } from '../../src/completions/intent.schema.js';

/** What the service has written down: the one file of the test world that knows the names of its collections. */

export function intentsOf(db: Db): Collection<Intent> {
  return db.collection<Intent>('intents');
}

export function completionsIn(db: Db): Collection<Completion> {
  return db.collection<Completion>('completions');
}

/** Sessions that stand in an intent: their first outcomes are not written yet. */
export async function intendedIn(db: Db): Promise<IntendedCompletion[]> {
  return (await intentsOf(db).find().toArray()).flatMap(sessionsOf);
}

/** @returns every completion, by session id and revision */
export async function completionsById(db: Db): Promise<Map<string, Completion>> {
  const completed = await completionsIn(db).find().toArray();
  return new Map(completed.map((completion) => [completion._id, completion]));
}

/** @returns every completion, and what is intended and not completed, by session id and revision */
export async function allSessions(db: Db): Promise<Map<string, SessionRecord>> {
  const intended = (await intendedIn(db)).map(recordOf); // first: what is completed meanwhile is found again
  const completed = await completionsById(db);
  return new Map([...intended.map((session) => [session._id, session] as const), ...completed]);
}

function recordOf({ destinations, lease, leaseUntil, ...session }: IntendedCompletion): SessionRecord {
  return { ...session, deliveries: plannedDeliveries({ ...session, destinations }, { lease, leaseUntil }) };
}

/**
 * Whether no intent is left and no delivery is pending. It reads the whole collection, and asks the deliveries:
 * `open` may be wrong after a kill between an outcome and that mark, until the hourly purge corrects it.
 */
export async function nothingPending(db: Db): Promise<boolean> {
  if ((await intentsOf(db).countDocuments()) > 0) return false;
  return (await completionsIn(db).countDocuments({ 'deliveries.state': 'pending' })) === 0;
}

/** As `nothingPending`, where no process was killed: by the index of due deliveries, so that a query costs next to nothing. */
export async function nothingOpen(db: Db): Promise<boolean> {
  const projection = { _id: 1 };
  if (await intentsOf(db).findOne({}, { projection })) return false;
  const open = { open: true };
  return (await completionsIn(db).findOne(open, { projection, hint: DUE_INDEX })) === null;
}

/** Also the names of the builds before this one, which the bench compares with. */
const INTENTS_OF_ANY_BUILD = ['intents', 'detections'];

/** As `nothingOpen`, for a database that another build of the service may have written to. */
export async function nothingOpenInAnyBuild(db: Db): Promise<boolean> {
  for (const name of [...INTENTS_OF_ANY_BUILD]) {
    if (await db.collection(name).findOne({}, { projection: { _id: 1 } })) return false;
  }
  return (await db.collection('completions').findOne({ open: true }, { projection: { _id: 1 } })) === null;
}
