import type { Member, Members } from './heartbeat.schema.js';
import { goneStarts, liveStarts, nextBeatIn } from './membership.js';

const NOW = Date.UTC(2026, 0, 1);

/** A member whose last beat is `silent` seconds old, started `age` seconds ago. */
function member(name: string, silent: number, age = 1_000, more: Partial<Member> = {}): Member {
  return { name, startedAt: new Date(NOW - age * 1_000), beatAt: new Date(NOW - silent * 1_000), ...more };
}

const gone = (members: Members) => goneStarts(members, NOW).join(' ');
const live = (members: Members) => liveStarts(members, NOW).join(' ');

describe('a start', () => {
  it('is gone 20 seconds after its last beat', () => {
    const members = { b: member('n1', 19.999), a: member('n2', 20), c: member('n3', 0) };
    expect(gone(members)).toBe('a');
    expect(live(members)).toBe('b c');
  });

  it('is gone 5 seconds after its last beat where the same name has been started again, however often', () => {
    const members = {
      first: member('n', 9, 30),
      second: member('n', 5, 20),
      third: member('n', 4.999, 10),
      fourth: member('n', 0, 1),
      other: member('m', 6, 30),
    };
    expect(gone(members)).toBe('first second');
    expect(live(members)).toBe('fourth other');
  });

  it('that has not beaten since the same name was started again takes no share, before it is gone', () => {
    const members = { killed: member('n', 2, 30), young: member('n', 0, 1), other: member('m', 2, 30) };
    expect(gone(members)).toBe('');
    expect(live(members)).toBe('other young');
  });

  it('that beats beside a younger one of the same name has a share', () => {
    expect(live({ old: member('n', 0.5, 30), young: member('n', 0, 1) })).toBe('old young');
  });

  it('is not gone because an older start of the same name is there', () => {
    expect(gone({ old: member('n', 1, 50), young: member('n', 6, 40) })).toBe('');
  });

  it('of the same name as another one that beats, too, is not gone', () => {
    expect(gone({ a: member('n', 2, 50), b: member('n', 1, 40) })).toBe('');
  });

  it('stays gone once it was marked, whatever its last beat says', () => {
    expect(gone({ a: member('n', 0, 50, { gone: true }), b: member('m', 0) })).toBe('a');
  });
});

describe('the next beat', () => {
  const within = (members: Members) => nextBeatIn(members, NOW);

  it('is due in two seconds while all beat', () => {
    expect(within({ a: member('n', 0), b: member('m', 2) })).toBe(2_000);
  });

  it('is due when a silent member will count as gone, if that is before', () => {
    expect(within({ a: member('n', 0), b: member('m', 19) })).toBe(1_010);
    expect(within({ a: member('n', 0, 3), b: member('n', 4.6, 50) })).toBe(410);
  });

  it('is not hastened by one that is gone already', () => {
    expect(within({ a: member('n', 0), b: member('m', 30), c: member('o', 0, 9, { gone: true }) })).toBe(2_000);
  });
});
