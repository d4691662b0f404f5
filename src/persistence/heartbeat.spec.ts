import type { Db } from 'mongodb';
import { heartbeatsModel } from '../../test/support/models.js';
import { waitFor } from '../../test/support/wait-for.js';
import { dropDatabase, testDatabaseUri } from '../../test/world/database.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { Clock } from './clock.js';
import { Database } from './database.js';
import { Heartbeat, type MembersChange } from './heartbeat.js';
import type { HeartbeatsDocument, Member } from './heartbeat.schema.js';

const uri = testDatabaseUri('heartbeat-spec');
const config = (name: string) => testConfig({ MONGODB_URI: uri, INSTANCE_NAME: name });
const database = new Database(config('spec'), new Clock());
let db: Db;

beforeAll(async () => {
  await dropDatabase(uri);
  await database.open();
  db = database.connection.db!;
});
beforeEach(() => heartbeats().deleteMany({}));
afterEach(() => jest.restoreAllMocks());
afterAll(() => database.onApplicationShutdown());

const heartbeats = () => db.collection<HeartbeatsDocument>('heartbeats');

/** What all collections share, so that a test can see or refuse a command. */
const methods = () => Object.getPrototypeOf(heartbeats()) as ReturnType<typeof heartbeats>;

/** A process, as far as its heart goes; it beats when it is told. */
function start(name: string) {
  const heart = new Heartbeat(heartbeatsModel(database), database, config(name));
  const gone: string[] = [];
  const changes: MembersChange[] = [];
  heart.listenToGone((startId) => gone.push(startId));
  heart.listenToMembers((change) => changes.push(change));
  return { heart, gone, changes };
}

/** A process whose first beat is written, which takes longer where the machine is busy. */
async function started(name: string) {
  const one = start(name);
  await waitFor('the first beat', () => one.heart.confirmed());
  return one;
}

/** What the database holds of the members, by start id. */
async function written(): Promise<Record<string, Member>> {
  return { ...(await heartbeats().findOne({ _id: 'members' }))?.members };
}

/** Makes the last beat of a start, and the start itself, older. */
async function silence(startId: string, ms: number): Promise<void> {
  const { startedAt, beatAt } = (await written())[startId]!;
  const earlier = { startedAt: new Date(startedAt.getTime() - ms), beatAt: new Date(beatAt.getTime() - ms) };
  const at = `members.${startId}`;
  await heartbeats().updateOne({}, { $set: { [`${at}.startedAt`]: earlier.startedAt, [`${at}.beatAt`]: earlier.beatAt } }); // prettier-ignore
}

/** Lets that much time pass on the monotonic clock of this machine. */
function pass(ms: number): void {
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + ms);
}

describe('a heartbeat', () => {
  it('says who is there, in one order for all', async () => {
    const hearts = [await started('a'), await started('b'), await started('c')];
    await hearts[0]!.heart.beat();
    const ids = hearts.map(({ heart }) => heart.startId).sort();
    expect(hearts[2]!.heart.members).toEqual(ids);
    expect(hearts[0]!.heart.members).toEqual(ids);
    expect(hearts[0]!.changes.map(({ joined, left }) => [joined.length, left.length])).toEqual([[1, 0], [2, 0]]); // prettier-ignore
    expect(Object.values(await written()).map(({ name }) => name).sort()).toEqual(['a', 'b', 'c']); // prettier-ignore
  });

  it('is one command, which many can send at once, also the first ones', async () => {
    const hearts = Array.from({ length: 12 }, (_, n) => start(`n${n}`).heart);
    const update = jest.spyOn(methods(), 'findOneAndUpdate');
    await Promise.all(hearts.map((heart) => heart.beat()));
    expect(update).toHaveBeenCalledTimes(12);
    await Promise.all(hearts.map((heart) => heart.beat()));
    expect(update).toHaveBeenCalledTimes(24);
    expect(hearts.map(({ holds }) => holds)).toEqual(Array(12).fill(true));
    expect(Object.keys(await written())).toHaveLength(12);
  });

  it("is written in the database's time", async () => {
    const now = jest.spyOn(Date, 'now').mockReturnValue(0);
    const { heart } = await started('a');
    now.mockRestore();
    const { beatAt, startedAt } = (await written())[heart.startId]!;
    expect(beatAt.getUTCFullYear()).toBeGreaterThan(2020);
    expect(startedAt).toEqual(beatAt);
  });

  it('joins the one under way', async () => {
    const { heart } = start('a');
    expect(heart.beat()).toBe(heart.beat());
    await heart.beat();
  });
});

describe('what a process holds', () => {
  it('is held for four seconds from before the last written beat was sent, and again after a beat', async () => {
    const { heart } = start('a');
    expect(heart.holds).toBe(false);
    await heart.beat();
    expect(heart.holds).toBe(true);
    pass(4_000);
    expect(heart.holds).toBe(false);
    expect(await heart.confirmed()).toBe(true);
    expect(heart.holds).toBe(true);
  });

  it('is not held by an answer that took four seconds', async () => {
    const { heart } = start('a');
    const beating = heart.beat();
    pass(4_000);
    await beating;
    expect(heart.holds).toBe(false);
  });

  it('is not held while no beat can be written; the next beat tries again', async () => {
    const { heart } = await started('a');
    const away = jest.spyOn(methods(), 'findOneAndUpdate');
    away.mockRejectedValueOnce(new Error('away'));
    pass(4_000);
    expect(await heart.confirmed()).toBe(false);
    expect(await heart.confirmed()).toBe(true);
  });

  it('is known by its token, which begins with the start id', async () => {
    const [a, b] = [await started('a'), await started('b')];
    expect(a.heart.token()).toMatch(new RegExp(`^${a.heart.startId}\\.[0-9a-f-]{36}$`));
    expect(await a.heart.stillHolds(a.heart.token())).toBe(true);
    expect(await a.heart.stillHolds(b.heart.token())).toBe(false);
    expect(await a.heart.stillHolds(undefined)).toBe(false);
  });
});

describe('a start that is gone', () => {
  it('is told at each beat until it is removed, and is no member any more', async () => {
    const [dead, other] = [await started('a'), await started('b')];
    const { startId } = dead.heart;
    // where the machine stood still between their first beats, the other has never seen it
    await waitFor('both to be members', async () => {
      await dead.heart.beat();
      await other.heart.beat();
      return other.heart.members.length === 2;
    });
    await silence(startId, 20_000);
    await other.heart.beat();
    await other.heart.beat();
    expect(other.gone).toEqual([startId, startId]);
    expect(other.heart.members).toEqual([other.heart.startId]);
    expect(other.changes.at(-1)).toEqual({ joined: [], left: [startId] });
    await other.heart.remove(startId);
    await other.heart.beat();
    expect(other.gone).toHaveLength(2);
    expect(Object.keys(await written())).toEqual([other.heart.startId]);
  });

  it('is seen by the next start of the same name after five seconds', async () => {
    const dead = await started('a');
    await silence(dead.heart.startId, 5_000);
    const [again, other] = [await started('a'), await started('b')];
    expect([again.gone, other.gone]).toEqual([[dead.heart.startId], [dead.heart.startId]]);
  });

  it('and was only slow joins again under a new start id; what it held before is not held, and is freed', async () => {
    const [slow, other] = [await started('a'), await started('b')];
    const before = slow.heart.startId;
    const token = slow.heart.token();
    await silence(before, 20_000);
    await other.heart.beat(); // marks it: from here on it cannot go on
    await slow.heart.beat();
    expect(slow.heart.startId).not.toBe(before);
    expect(slow.heart.holds).toBe(true);
    expect(await slow.heart.stillHolds(token)).toBe(false);
    expect(slow.gone).toContain(before);
    await other.heart.remove(before);
    await slow.heart.remove(before);
    await slow.heart.beat();
    expect(slow.gone.filter((id) => id !== before)).toEqual([]);
    expect(Object.keys(await written()).sort()).toEqual([slow.heart.startId, other.heart.startId].sort());
  });

  it('and was removed by the others joins again', async () => {
    const [slow, other] = [await started('a'), await started('b')];
    const before = slow.heart.startId;
    await other.heart.remove(before);
    await slow.heart.beat();
    expect(slow.heart.members).toContain(slow.heart.startId);
    expect(slow.heart.startId).not.toBe(before);
  });

  it('is nobody who was silent only for as long as this process: the database was away from all of them', async () => {
    const [one, other, dead] = [await started('a'), await started('b'), await started('c')];
    const { startId } = one.heart;
    for (const { heart } of [one, dead]) await silence(heart.startId, 25_000);
    pass(25_000);
    await other.heart.beat();
    await one.heart.beat();
    expect([other.gone, one.heart.startId]).toEqual([[], startId]);
    for (const ms of [27_500, 30_000, 32_500]) {
      jest.restoreAllMocks();
      pass(ms);
      await other.heart.beat();
    }
    expect(other.gone).toEqual([dead.heart.startId]); // the others have had the time for a beat
  });

  it('and beats just before it is marked is not told', async () => {
    const [slow, other] = [await started('a'), await started('b')];
    await silence(slow.heart.startId, 20_000);
    const mark = jest.spyOn(methods(), 'updateOne').mockImplementationOnce(async (...call) => {
      await slow.heart.beat();
      mark.mockRestore();
      return heartbeats().updateOne(call[0], call[1]);
    });
    await other.heart.beat();
    expect(other.gone).toEqual([]);
    await other.heart.beat();
    expect(other.heart.members).toContain(slow.heart.startId);
  });

  it('finds the whole document gone after somebody dropped it, and joins again', async () => {
    const { heart } = await started('a');
    await heartbeats().deleteMany({});
    await heart.beat();
    expect(heart.members).toEqual([heart.startId]);
  });
});

it('a process that stops holds nothing from then on, and beats no more', async () => {
  const { heart } = await started('a');
  const { startId } = heart;
  const beating = heart.beat();
  await heart.stop();
  await beating;
  await heart.remove(startId);
  expect(heart.holds).toBe(false);
  expect(await heart.stillHolds(heart.token())).toBe(false);
  await heart.beat();
  expect(await written()).toEqual({});
});
