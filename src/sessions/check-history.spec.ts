import mongoose, { type Connection } from 'mongoose';
import { dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import { CheckHistory } from './check-history.js';
import { CHECK_RECORD, type CheckRecord, checkRecordSchema } from './check-record.schema.js';

const MINUTE_MS = 60_000;
const WEEK_MINUTES = 7 * 1440;
const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE_MS);

describe('the history of session checks', () => {
  let connection: Connection;

  beforeAll(async () => {
    const uri = testDatabaseUri('check-history');
    await dropDatabase(uri);
    await migrate(uri);
    connection = await mongoose.createConnection(uri, { autoIndex: false }).asPromise();
  });

  beforeEach(() => connection.collection('session-checks').deleteMany({}));
  afterAll(() => connection.close());

  const open = () => new CheckHistory(connection.model<CheckRecord>(CHECK_RECORD, checkRecordSchema));
  const record = (minutesAgo: number): CheckRecord => ({
    startedAt: ago(minutesAgo),
    durationMs: 1,
    trigger: 'schedule',
    outcome: 'finished',
    instance: 'i1',
    problems: [{ tenantId: 't1', reason: `${minutesAgo}`, since: ago(minutesAgo) }],
  });
  const fill = (count: number, everyMinutes: number) =>
    connection
      .collection('session-checks')
      .insertMany(Array.from({ length: count }, (_, n) => record(n * everyMinutes)));

  it('holds a week, and no more than ten thousand', async () => {
    await fill(300, 60);
    await open().trim();
    expect(await connection.collection('session-checks').countDocuments()).toBe(WEEK_MINUTES / 60);
    await fill(10_100, 0.1);
    await open().trim();
    expect(await connection.collection('session-checks').countDocuments()).toBe(10_000);
  });

  it('is trimmed by the first check of a process', async () => {
    await fill(200, 60);
    await open().add(record(0));
    expect(await connection.collection('session-checks').countDocuments({ startedAt: { $lt: ago(WEEK_MINUTES) } })).toBe(0); // prettier-ignore
  });

  it('keeps the problems of the newest hundred alone', async () => {
    await fill(150, 1);
    const history = open();
    await history.trim();
    const withProblems = { 'problems.0': { $exists: true } };
    expect(await connection.collection('session-checks').countDocuments(withProblems)).toBe(100);
    expect((await history.newestProblems()).map(({ problems }) => problems[0]!.reason)).toEqual(
      Array.from({ length: 100 }, (_, n) => `${n}`),
    );
    await connection.collection('session-checks').insertMany([record(-1), record(-2)]);
    await history.trim();
    expect(await connection.collection('session-checks').countDocuments(withProblems)).toBe(100);
  });

  it('lists the newest since a time, without problems, and reads no more keys than rows', async () => {
    await fill(2_000, 1);
    const history = open();
    const { problems: _problems, ...newest } = record(0);
    expect((await history.list(1))[0]).toEqual({ ...newest, startedAt: expect.any(Date) });
    expect(await history.list(1_000, ago(29.5))).toHaveLength(30);
    for (const [since, rows] of [
      [undefined, 100],
      [ago(1_500), 100],
      [ago(29.5), 30],
    ] as const) {
      // prettier-ignore
      const plan: unknown = await history.page(100, since).explain('executionStats');
      const { executionStats } = plan as { executionStats: { totalKeysExamined: number; totalDocsExamined: number } };
      expect(executionStats.totalKeysExamined).toBeLessThanOrEqual(rows + 1);
      expect(executionStats.totalDocsExamined).toBe(rows);
    }
  });
});
