import { stubOf } from '../../test/support/stub.js';
import { CoreClient } from '../platform/core/core.client.js';
import { CheckRun, FigureBook } from './check-run.js';
import { CoreGuard } from './core-guard.js';

const run = (book = new FigureBook()) => new CheckRun(0, book, new CoreGuard(stubOf(CoreClient, {})));

describe('CheckRun', () => {
  it('knows when a session is listed for two tenants', () => {
    const check = run();
    expect(check.otherOwner('s1', 't1')).toBeUndefined();
    expect(check.otherOwner('s1', 't1')).toBeUndefined();
    expect(check.otherOwner('s1', 't2')).toBe('t1');
  });

  it('remembers twenty thousand sessions at most', () => {
    const check = run();
    for (let n = 0; n <= 20_000; n++) check.otherOwner(`s${n}`, 't1');
    expect(check.otherOwner('s0', 't2')).toBeUndefined();
    expect(check.otherOwner('s20000', 't2')).toBe('t1');
  });

  it('counts a deferred tenant once', () => {
    const check = run();
    ['t1', 't2', 't1'].forEach((id) => check.defer(id));
    expect(check.figures.deferred).toBe(2);
  });

  it('counts what a slow list brings after the end of its check in the next one', () => {
    const book = new FigureBook();
    const check = run(book);
    check.figures.completed++;
    expect(book.take().completed).toBe(1);
    check.figures.completed += 2;
    expect(run(book).figures.completed).toBe(2);
  });
});
