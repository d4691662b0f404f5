import { endedSession } from '../../support/ended-session.js';
import { CompletionStore } from '../../support/completion-store.js';
import { randomUUID } from 'node:crypto';
import type { Db } from 'mongodb';
import { type Completion } from '../../../src/completions/completion.js';
import { type Delivery, webhookDestination } from '../../../src/completions/delivery.js';
import type { CompletionRepository } from '../../../src/completions/completion.repository.js';
import { Config } from '../../../src/config/config.js';
import { Clock } from '../../../src/persistence/clock.js';
import { Database } from '../../../src/persistence/database.js';
import { median, round } from '../../support/figures.js';
import { databaseUri, migrate } from '../../world/database.js';
import { Engine } from '../../world/engine.js';
import { completionsIn } from '../../world/record.js';
import { DeliveryError } from '../../world/load-world.js';
import { atMost, type Bench } from '../bench.js';

const HANGING = webhookDestination(1);
const HEALTHY = Array.from({ length: 20 }, (_, index) => webhookDestination(100 + index));
/** What a lane of eight claims at once. */
const BATCH = 16;
const LEASE_MS = 60_000;
const INSERT = 5_000;
const INSERTS_AT_ONCE = 3;

/** One database of the two. */
interface Side {
  database: Database;
  db: Db;
  completions: CompletionRepository;
}

/**
 * What a claim costs behind a long history and a backlog of which most belongs to one destination that hangs, against
 * the same claims on an otherwise empty collection. Both databases are on one engine; claims take turns.
 */
export const backlog: Bench = {
  name: 'backlog',
  async run({ quick }) {
    const [finished, pending, claims] = quick ? [20_000, 5_000, 40] : [1_000_000, 100_000, 400];
    const engine = await Engine.start();
    const empty = await open(databaseUri(engine.uri, 'empty'));
    const full = await open(databaseUri(engine.uri, 'full'));
    try {
      await fill(full, finished, (n) => completion(`done-${n}`, [...HEALTHY.slice(0, 2), HANGING], 'delivered', n));
      await fill(full, pending, (n) => completion(`pending-${n}`, [n % 10 === 0 ? webhookDestination(200 + (n % 7)) : HANGING], 'pending', n)); // prettier-ignore
      await Promise.all([migrate(databaseUri(engine.uri, 'full')), migrate(databaseUri(engine.uri, 'empty'))]);
      for (const side of [empty, full]) {
        await fill(side, claims * BATCH, (n) => completion(`due-${n}`, [HEALTHY[n % HEALTHY.length]!], 'pending', n));
      }
      const times = await measure(empty, full, claims);
      const note = `median ${round(times.full.claim, 3)} / ${round(times.empty.claim, 3)} ms per delivery, ${claims} claims of ${BATCH} each; ${finished} finished, ${pending} pending`;
      return [
        { name: 'claim beside a backlog / on an empty collection', value: round(times.full.claim / times.empty.claim), must: atMost(1.3), aim: atMost(1.05), note }, // prettier-ignore
        { name: 'next due time beside a backlog / on an empty collection', value: round(times.full.next / times.empty.next), note: `${round(times.full.next, 2)} / ${round(times.empty.next, 2)} ms` }, // prettier-ignore
      ];
    } finally {
      await Promise.all([empty.database.onApplicationShutdown(), full.database.onApplicationShutdown()]);
      await engine.stop();
    }
  },
};

async function open(mongodbUri: string): Promise<Side> {
  const database = new Database(Object.assign(new Config(), { mongodbUri }), new Clock());
  await database.open();
  return { database, db: database.connection.db!, completions: new CompletionStore(database.connection).completions };
}

async function measure(empty: Side, full: Side, claims: number) {
  const times = {
    empty: { claim: [] as number[], next: [] as number[] },
    full: { claim: [] as number[], next: [] as number[] },
  };
  const claimed = { empty: new Set<string>(), full: new Set<string>() };
  for (let n = 0; n < claims; n++) {
    const destination = HEALTHY[n % HEALTHY.length]!;
    // the two take turns in going first
    for (const name of n % 2 === 0 ? (['empty', 'full'] as const) : (['full', 'empty'] as const)) {
      const { completions } = name === 'empty' ? empty : full;
      const now = new Date();
      const claim = { token: randomUUID(), now, until: new Date(now.getTime() + LEASE_MS), limit: BATCH };
      const startedAt = performance.now();
      const taken = await completions.claimDue(destination, claim, Math.random);
      const claimedAt = performance.now();
      await completions.earliestDue(destination);
      times[name].claim.push((claimedAt - startedAt) / taken.length);
      times[name].next.push(performance.now() - claimedAt);
      for (const {
        completion: { _id },
      } of taken)
        claimed[name].add(_id);
    }
  }
  for (const [name, ids] of Object.entries(claimed)) {
    if (ids.size !== claims * BATCH) throw new DeliveryError(`${name}: ${ids.size} of ${claims * BATCH} were claimed`);
  }
  const middle = ({ claim, next }: { claim: number[]; next: number[] }) => ({
    claim: median(claim),
    next: median(next),
  });
  return { empty: middle(times.empty), full: middle(times.full) };
}

async function fill({ db }: Side, count: number, make: (n: number) => Completion): Promise<void> {
  const collection = completionsIn(db);
  let next = 0;
  const work = async () => {
    while (next < count) {
      const from = next;
      next = Math.min(count, next + INSERT);
      const documents = Array.from({ length: next - from }, (_, index) => make(from + index));
      await collection.insertMany(documents, { ordered: false, writeConcern: { w: 1, journal: false } });
    }
  };
  await Promise.all(Array.from({ length: INSERTS_AT_ONCE }, work));
}

function completion(id: string, destinations: string[], state: 'pending' | 'delivered', n: number): Completion {
  const at = new Date(Date.now() - 86_400_000 - n);
  return {
    ...endedSession(id, at, { tenantId: `t${n % 100}` }),
    open: state === 'pending',
    completedAt: at,
    deliveries: destinations.map((destination) => delivery(destination, state, at)),
  };
}

function delivery(destination: string, state: 'pending' | 'delivered', at: Date): Delivery {
  const attempted = { destination, state, claims: 0, attempts: 1 };
  if (state === 'pending') return { ...attempted, dueAt: at, log: [] };
  return {
    ...attempted,
    lastStatus: 200,
    at,
    log: [{ at, result: 'delivered', statusCode: 200, durationMs: 20 }],
  };
}
