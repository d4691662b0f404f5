import { stubOf } from '../../test/support/stub.js';
import { Quarantine } from './quarantine.js';
import { Refusals } from './refusals.js';

describe('Refusals', () => {
  const quarantined: string[] = [];
  let refusals: Refusals;

  beforeEach(() => {
    quarantined.length = 0;
    refusals = new Refusals(stubOf(Quarantine, { add: (id) => void quarantined.push(id) }));
  });

  it('quarantines a session that hbf-core refuses beside others that it completes', () => {
    refusals.note('s1', 't1', { patched: true, alone: false });
    expect(quarantined).toEqual(['s1']);
  });

  it('quarantines a session that it was told of by itself after three checks in which it completed others', () => {
    const note = (patched: boolean) => refusals.note('s1', 't1', { patched, alone: true });
    [true, false, true, false].forEach(note);
    expect(quarantined).toEqual([]);
    note(true);
    expect(quarantined).toEqual(['s1']);
  });

  it('blames no session while hbf-core completes nothing', () => {
    for (let check = 0; check < 10; check++) refusals.note('s1', 't1', { patched: false, alone: false });
    expect(quarantined).toEqual([]);
  });
});
