import { Logger } from '@nestjs/common';
import mongoose, { type Connection } from 'mongoose';
import { quarantineModel } from '../../test/support/models.js';
import { stubOf } from '../../test/support/stub.js';
import { dropDatabase, testDatabaseUri } from '../../test/world/database.js';
import { Clock } from '../persistence/clock.js';
import { Quarantine } from './quarantine.js';

const HOUR_MS = 3_600_000;

describe('the quarantine', () => {
  const warnings: unknown[] = [];
  let connection: Connection;
  let now: number;

  const open = () => new Quarantine(quarantineModel(connection), stubOf(Clock, { now: () => now }));

  beforeAll(async () => {
    const uri = testDatabaseUri('quarantine');
    await dropDatabase(uri);
    connection = await mongoose.createConnection(uri).asPromise();
  });

  beforeEach(async () => {
    now = Date.now();
    warnings.length = 0;
    const silent = () => undefined;
    Logger.overrideLogger({ log: silent, error: silent, warn: (facts: unknown) => void warnings.push(facts) });
    await connection.collection('quarantine').deleteMany({});
  });

  afterEach(() => {
    Logger.overrideLogger(false);
  });
  afterAll(() => connection.close());

  it('leaves a session alone for an hour, and then lets it be tried again', () => {
    const quarantine = open();
    quarantine.add('s1', 't1', 'refused');
    expect([quarantine.holds('s1'), quarantine.holds('s2')]).toEqual([true, false]);
    now += HOUR_MS;
    expect(quarantine.holds('s1')).toBe(false);
    expect(quarantine.knowsSomeOf('t1')).toBe(true);
  });

  it('logs a session once for each reason, however often it is put in', () => {
    const quarantine = open();
    for (let hour = 0; hour < 5; hour++) {
      quarantine.add('s1', 't1', 'refused');
      now += HOUR_MS + 1;
    }
    quarantine.add('s1', 't1', 'unreadable');
    expect(warnings).toEqual([
      { sessionId: 's1', tenantId: 't1', reason: 'refused' },
      { sessionId: 's1', tenantId: 't1', reason: 'unreadable' },
    ]);
  });

  it('finds what another replica has put in or taken out since it was loaded, and what is not written yet', async () => {
    const one = open();
    const other = open();
    await one.load();
    other.add('s1', 't1', 'refused');
    expect([await one.find('s1'), (await other.find('s1'))?.reason]).toEqual([undefined, 'refused']);
    await other.save();
    expect(await one.find('s1')).toMatchObject({ tenantId: 't1', since: new Date(now) });
    await one.load();
    one.remove('s1');
    expect(await one.find('s1')).toBeUndefined();
    now += HOUR_MS;
    expect(await other.find('s1')).toBeUndefined();
  });

  it('is what all replicas know, and survives the process', async () => {
    const one = open();
    one.add('s1', 't1', 'refused');
    one.add('s2', 't1', 'refused');
    await one.save();
    const other = open();
    await other.load();
    expect([other.holds('s1'), other.holds('s2'), other.knowsSomeOf('t1')]).toEqual([true, true, true]);
    other.remove('s1');
    await other.save();
    await one.load();
    expect([one.holds('s1'), one.holds('s2')]).toEqual([false, true]);
    expect((await one.list(10)).map(({ _id, reason }) => [_id, reason])).toEqual([['s2', 'refused']]);
  });

  it('holds a completed session that comes back untouched from the third time on', async () => {
    const quarantine = open();
    const held = [1, 2, 3].map(() => {
      quarantine.repeated('s1', 't1');
      return quarantine.holds('s1');
    });
    expect(held).toEqual([false, false, true]);
    await quarantine.save();
    expect(await quarantine.list(10)).toMatchObject([{ _id: 's1', repetitions: 3 }]);
  });

  it('keeps what was added while it reads what the others have', async () => {
    const quarantine = open();
    const loading = quarantine.load();
    quarantine.add('s1', 't1', 'refused');
    await loading;
    expect(quarantine.holds('s1')).toBe(true);
    await quarantine.save();
    expect(await connection.collection('quarantine').countDocuments()).toBe(1);
  });

  it('writes what changes while it is being written the next time', async () => {
    const quarantine = open();
    quarantine.add('s1', 't1', 'refused');
    const saving = quarantine.save();
    quarantine.add('s1', 't1', 'unreadable');
    await saving;
    await quarantine.save();
    expect(await quarantine.list(10)).toMatchObject([{ _id: 's1', reason: 'unreadable' }]);
  });

  it('forgets what was not seen again for a day after it was to be tried again', async () => {
    const quarantine = open();
    quarantine.add('s1', 't1', 'refused');
    now += 26 * HOUR_MS;
    await quarantine.load();
    expect(quarantine.knowsSomeOf('t1')).toBe(false);
    await quarantine.save();
    expect(await connection.collection('quarantine').countDocuments()).toBe(0);
  });
});
