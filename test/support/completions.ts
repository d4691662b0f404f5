import type { Collection, Db } from 'mongodb';
import type { Completion } from '../../src/deliveries/completion.js';
import { completionsOf, type Detection } from '../../src/deliveries/detection.repository.js';

export function detectionsOf(db: Db): Collection<Detection> {
  return db.collection<Detection>('detections');
}

/** What is written down of sessions whose first outcomes are not. */
export async function detectedIn(db: Db): Promise<Completion[]> {
  return (await detectionsOf(db).find().toArray()).flatMap(completionsOf);
}

/** @returns every completion, detected ones included, by session id and revision */
export async function allCompletions(db: Db): Promise<Map<string, Completion>> {
  const detected = await detectedIn(db); // first: what moves on meanwhile is found again as completed
  const completed = await db.collection<Completion>('completions').find().toArray();
  return new Map([...detected, ...completed].map((completion) => [completion._id, completion]));
}
