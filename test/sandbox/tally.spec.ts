import { COMPLETION, Tally } from './tally.js';

describe("the sandbox's tally", () => {
  let tally: Tally;

  beforeEach(() => {
    tally = new Tally();
    tally.add('s1', ['flow:t1', 'webhook:1'], false);
  });

  it('has no problem when the session was completed and arrived once at each destination', () => {
    expect(tally.problems()).toContain('s1 was not completed');
    tally.arrived('s1', COMPLETION);
    tally.arrived('s1', 'flow:t1');
    expect(tally.problems()).toEqual(['s1 did not arrive at webhook:1']);
    tally.arrived('s1', 'webhook:1');
    expect(tally.problems()).toEqual([]);
    expect(tally.totals()).toMatchObject({ sessions: 1, completed: 1, held: 0, flows: 1, webhooks: 1 });
    expect(tally.forgetFinished()).toEqual(['s1']);
    expect(tally.totals()).toMatchObject({ sessions: 0, completed: 0, flows: 0 });
  });

  it('tells a repetition, a destination that must not get it, and a session that does not exist', () => {
    tally.arrived('s1', COMPLETION);
    for (const destination of ['flow:t1', 'flow:t1', 'webhook:1', 'webhook:9']) tally.arrived('s1', destination);
    tally.arrived('s9', 'flow:t1');
    expect(tally.problems()).toEqual([
      's1 arrived 2 times at flow:t1',
      's9 arrived at flow:t1, and there is no such session',
      's1 arrived at webhook:9, which must not get it',
    ]);
    expect(tally.forgetFinished()).toEqual([]);
  });

  it('tells that a session was completed twice', () => {
    for (const destination of [COMPLETION, COMPLETION, 'flow:t1', 'webhook:1']) tally.arrived('s1', destination);
    expect(tally.problems()).toEqual(['s1 arrived 2 times at hbf-core']);
  });

  it('tells that a session with an open live chat was completed, and has no problem when it was left alone', () => {
    const held = new Tally();
    held.add('s2', ['flow:t1'], true);
    expect(held.problems()).toEqual([]);
    expect(held.totals().held).toBe(1);
    held.arrived('s2', COMPLETION);
    expect(held.problems()).toEqual(['s2 was completed while a live chat was open']);
  });

  it('expects a released session like any other', () => {
    const held = new Tally();
    held.add('s2', ['flow:t1'], true);
    held.release('s2');
    expect(held.problems()).toEqual(['s2 was not completed', 's2 did not arrive at flow:t1']);
  });
});
