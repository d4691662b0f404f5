import { Logger } from '@nestjs/common';
import mongoose, { type Connection } from 'mongoose';
import { heldSessionModel } from '../../test/support/models.js';
import { stubOf } from '../../test/support/stub.js';
import { dropDatabase, testDatabaseUri } from '../../test/world/database.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { Clock } from '../persistence/clock.js';
import { HeldSessions } from './held-sessions.js';
import { Shares } from './shares.js';

const DAY_MS = 86_400_000;

describe('the sessions that live chats hold', () => {
  let connection: Connection;
  let now: number;
  let commands: string[];

  const open = (mine = true) => {
    const model = heldSessionModel(connection);
    return new HeldSessions(
      model,
      testConfig(),
      stubOf(Clock, { now: () => now }),
      stubOf(Shares, { isMine: () => mine }),
    );
  };

  beforeAll(async () => {
    const uri = testDatabaseUri('held-sessions-spec');
    await dropDatabase(uri);
    connection = await mongoose.createConnection(uri, { monitorCommands: true }).asPromise();
    connection.getClient().on('commandStarted', ({ commandName }) => commands.push(commandName));
  });

  beforeEach(async () => {
    now = Date.now();
    commands = [];
    await connection.collection('held-sessions').deleteMany({});
    commands = [];
  });

  afterAll(() => connection.close());

  /** One check of a replica, in which the tenant's list had these. */
  async function check(held: HeldSessions, tenantId: string, ids: string[], whole = true): Promise<string[]> {
    const scan = held.begin();
    for (const id of ids) scan.ids.add(id);
    held.end(tenantId, scan, whole);
    commands = [];
    await held.save();
    return commands;
  }

  const stored = async () => {
    const found = await connection.collection('held-sessions').find({}).sort({ _id: 1 }).toArray();
    return found.map(({ _id, since }) => [String(_id), now - (since as Date).getTime()]);
  };

  it('are stored by the first check that finds them, and removed by the first that does not', async () => {
    const held = open();
    await check(held, 't1', ['s1', 's2']);
    now += 60_000;
    await check(held, 't1', ['s2', 's3']);
    expect(await stored()).toEqual([
      ['s2', 60_000],
      ['s3', 0],
    ]);
    expect([...(await held.sinceOf(['s1', 's2']))]).toEqual([['s2', new Date(now - 60_000)]]);
    await check(held, 't1', []);
    expect(await stored()).toEqual([]);
  });

  it('cost one read while nothing changes, and nothing while none is held', async () => {
    const held = open();
    expect(await check(held, 't1', [])).toEqual(['find']);
    expect(await check(held, 't1', [])).toEqual([]);
    expect(await check(held, 't1', ['s1'])).toEqual(['find', 'update']);
    expect(await check(held, 't1', ['s1'])).toEqual(['find']);
    expect(await check(held, 't1', [])).toEqual(['find', 'delete']);
    expect(await check(held, 't1', [])).toEqual([]);
  });

  it('stay as they are in a list that was not read whole, and in one of another tenant', async () => {
    const held = open();
    await check(held, 't1', ['s1']);
    now += 1_000;
    await check(held, 't1', ['s2'], false);
    await check(held, 't2', []);
    await held.save();
    expect(await stored()).toEqual([
      ['s1', 1_000],
      ['s2', 0],
    ]);
  });

  it('keep their time when the tenant moves to another replica, which removes them', async () => {
    const [one, other] = [open(), open()];
    await check(one, 't1', ['s1']);
    now += 60_000;
    await check(other, 't1', ['s1']);
    expect(await stored()).toEqual([['s1', 60_000]]);
    await check(other, 't1', []);
    expect(await stored()).toEqual([]);
  });

  it('are found within ten minutes by a replica that had nothing to read', async () => {
    const [one, other] = [open(), open()];
    const elapsed = jest.spyOn(performance, 'now').mockReturnValue(0);
    await check(other, 't1', []);
    await check(one, 't1', ['s1']);
    elapsed.mockReturnValue(599_999);
    await check(other, 't1', []);
    expect(await stored()).toHaveLength(1);
    elapsed.mockReturnValue(600_000);
    await check(other, 't1', []);
    expect(await stored()).toEqual([]);
    elapsed.mockRestore();
  });

  it('are not removed by a scan that began before they were stored', async () => {
    const [one, other] = [open(), open()];
    const before = one.begin();
    now += 1_000;
    await check(other, 't1', ['s1']);
    one.end('t1', before, true);
    await one.save();
    expect(await stored()).toEqual([['s1', 0]]);
  });

  it('are removed past the retention, by the replica whose tenant it is, unless they are held still', async () => {
    await check(open(), 't1', ['s1']);
    await check(open(), 'gone', ['s2']);
    now += (testConfig().retentionDays + 1) * DAY_MS;
    await open(false).save();
    expect(await stored()).toHaveLength(2);
    await check(open(), 't1', ['s1']);
    expect((await stored()).map(([id]) => id)).toEqual(['s1']);
  });

  it('stop no check while the database is away', async () => {
    Logger.overrideLogger(false);
    const away = mongoose.createConnection();
    const model = heldSessionModel(away);
    const held = new HeldSessions(model, testConfig(), stubOf(Clock, { now: () => now }), stubOf(Shares, {}));
    await expect(held.save()).resolves.toBeUndefined();
  });
});
