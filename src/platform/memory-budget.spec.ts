import fc from 'fast-check';
import { NoRoomError } from '../transport/transport-errors.js';
import { MemoryBudget } from './memory-budget.js';
import type { Reservation } from './reservation.js';

const MB = 1024 * 1024;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What has come of a promise so far. */
function watch<T>(promise: T | Promise<T>): { value?: T; error?: unknown } {
  const seen: { value?: T; error?: unknown } = {};
  void Promise.resolve(promise)
    .then((value) => (seen.value = value))
    .catch((error: unknown) => (seen.error = error));
  return seen;
}

describe('MemoryBudget', () => {
  let budget: MemoryBudget;
  beforeEach(() => (budget = new MemoryBudget({ sessionMemoryBudgetMb: 100 })));

  it('gives reservations first come, first served', async () => {
    const first = await budget.reserve(60 * MB);
    const [large, small] = [watch(budget.reserve(60 * MB)), watch(budget.reserve(10 * MB))];
    await turn();
    expect([large.value, small.value, budget.waiting]).toEqual([undefined, undefined, 2]);
    first.release();
    await turn();
    expect([large.value?.bytes, small.value?.bytes, budget.reserved]).toEqual([60 * MB, 10 * MB, 70 * MB]);
  });

  it('gives bytes back once, however often they are released', async () => {
    const [one] = [await budget.reserve(60 * MB), await budget.reserve(30 * MB)];
    one.shrinkTo(20 * MB);
    one.shrinkTo(50 * MB);
    expect([one.bytes, budget.reserved]).toEqual([20 * MB, 50 * MB]);
    one.release();
    one.release();
    one.shrinkTo(0);
    expect([one.bytes, budget.reserved, one.growTo(1)]).toEqual([0, 30 * MB, false]);
  });

  it('refuses what can never fit, and what does not get its room in time', async () => {
    await expect(budget.reserve(101 * MB)).rejects.toBeInstanceOf(NoRoomError);
    const one = await budget.reserve(100 * MB);
    expect(one.growTo(101 * MB)).toBe(false);
    await expect(budget.reserve(1, { withinMs: 5 })).rejects.toBeInstanceOf(NoRoomError);
    await expect(budget.reserveAlone({ withinMs: 5 })).rejects.toBeInstanceOf(NoRoomError);
    one.release();
    expect((await budget.reserve(100 * MB, { withinMs: 60_000 })).bytes).toBe(100 * MB);
  });

  it('lets a reader grow at once where there is room, else before those that are not begun', async () => {
    const [one, other] = [await budget.reserve(10 * MB), await budget.reserve(30 * MB)];
    expect([one.growTo(5 * MB), one.growTo(50 * MB), one.bytes]).toEqual([true, true, 50 * MB]);
    const waiting = watch(budget.reserve(25 * MB));
    const growing = watch(one.growTo(80 * MB));
    await turn();
    expect([growing.value, waiting.value]).toEqual([undefined, undefined]);
    other.release();
    await turn();
    expect([growing.value, waiting.value]).toEqual([true, undefined]);
    one.release();
    await turn();
    expect(waiting.value?.bytes).toBe(25 * MB);
  });

  it('refuses the reader that came last when all wait for each other to grow', async () => {
    const [first, last] = [await budget.reserve(40 * MB), await budget.reserve(40 * MB)];
    const grown = [watch(first.growTo(70 * MB)), watch(last.growTo(70 * MB))];
    await turn();
    expect(grown.map(({ value }) => value)).toEqual([undefined, false]);
    last.release();
    await turn();
    expect(grown.map(({ value }) => value)).toEqual([true, false]);
  });

  it('refuses a growing whose reservation is released while it waits', async () => {
    const [one] = [await budget.reserve(40 * MB), await budget.reserve(40 * MB)];
    const grown = watch(one.growTo(70 * MB));
    one.release();
    await turn();
    expect([grown.value, budget.reserved]).toEqual([false, 40 * MB]);
  });

  it('begins what goes alone when nothing else is reserved, and nothing beside it', async () => {
    const before = await budget.reserve(1);
    const [alone, after] = [watch(budget.reserveAlone()), watch(budget.reserve(1))];
    await turn();
    expect([alone.value, after.value]).toEqual([undefined, undefined]);
    before.release();
    await turn();
    expect([alone.value?.alone, alone.value?.growTo(300 * MB), after.value]).toEqual([true, true, undefined]);
    alone.value!.shrinkTo(150 * MB);
    await turn();
    expect([alone.value?.alone, after.value]).toEqual([true, undefined]);
    alone.value!.shrinkTo(50 * MB);
    await turn();
    expect([alone.value?.alone, after.value?.bytes, budget.reserved]).toEqual([false, 1, 50 * MB + 1]);
  });

  it('splits a reservation: each part is released for itself', async () => {
    const page = await budget.reserve(50 * MB);
    const part = page.split(20 * MB);
    expect([page.bytes, part.bytes, page.split(40 * MB).bytes]).toEqual([30 * MB, 20 * MB, 30 * MB]);
    page.release();
    expect(budget.reserved).toBe(50 * MB);
    part.release();
    expect(budget.reserved).toBe(30 * MB);
    expect(part.split(1).bytes).toBe(0);
  });

  it('hands on what is alone as a whole', async () => {
    const page = await budget.reserveAlone();
    await page.growTo(200 * MB);
    const part = page.split(1);
    page.release();
    const next = watch(budget.reserve(1));
    await turn();
    expect([part.alone, part.bytes, next.value]).toEqual([true, 200 * MB, undefined]);
    part.release();
    await turn();
    expect(next.value?.bytes).toBe(1);
  });

  it('lets holdings go, the oldest first, only when and as far as that makes room', async () => {
    const gone: number[] = [];
    const [first] = [1, 2, 3, 4].map((name) => budget.hold(20 * MB, () => gone.push(name)));
    const one = await budget.reserve(10 * MB);
    expect([gone, budget.held]).toEqual([[], 80 * MB]);
    first!.release();
    await one.growTo(50 * MB);
    expect([gone, budget.held]).toEqual([[2], 40 * MB]);
    const whole = watch(budget.reserve(60 * MB)); // not even all of them would do
    await turn();
    expect([gone, whole.value]).toEqual([[2], undefined]);
    one.release();
    await turn();
    expect([gone, whole.value?.bytes]).toEqual([[2], 60 * MB]);
    first!.release();
    expect([budget.held, budget.reserved]).toEqual([40 * MB, 60 * MB]);
  });

  it('keeps nothing where there is no room, or somebody waits for it', async () => {
    const gone: string[] = [];
    const one = await budget.reserve(90 * MB);
    budget.hold(20 * MB, () => gone.push('too long'));
    void budget.reserve(20 * MB);
    budget.hold(5 * MB, () => gone.push('while one waits'));
    expect([gone, budget.held]).toEqual([['too long', 'while one waits'], 0]);
    one.release();
    budget.hold(5 * MB, () => gone.push('kept'));
    void budget.reserveAlone();
    await turn();
    expect(gone).toHaveLength(2);
  });

  it('never gives more than there is, and answers everybody in the end, whatever is asked', async () => {
    const step = fc.record({
      what: fc.constantFrom('reserve', 'alone', 'grow', 'shrink', 'split', 'release', 'hold', 'forget' as const),
      which: fc.nat(7),
      bytes: fc.integer({ min: 0, max: 110 * MB }),
    });
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), walk), { numRuns: 200 });
  });
});

type Step = { what: string; which: number; bytes: number };

/** Readers that take such steps; one that is refused gives up. */
async function walk(steps: Step[]): Promise<void> {
  const budget = new MemoryBudget({ sessionMemoryBudgetMb: 100 });
  const open: Reservation[] = [];
  const holdings: { bytes: number; release: () => void }[] = [];
  let unanswered = 0;
  const note = async (answer: Promise<unknown>) => {
    unanswered++;
    await answer.catch((error: unknown) => expect(error).toBeInstanceOf(NoRoomError));
    unanswered--;
  };
  const releaseAt = (index: number) => open.splice(index, 1)[0]?.release();
  const take = async (asked: Promise<Reservation>) => void open.push(await asked);
  const grow = async (one: Reservation, bytes: number) => {
    if (!(await one.growTo(bytes))) one.release();
  };
  for (const { what, which, bytes } of steps) {
    const one = open[which % Math.max(1, open.length)];
    if (what === 'reserve') void note(take(budget.reserve(bytes)));
    else if (what === 'alone') void note(take(budget.reserveAlone()));
    else if (what === 'hold') {
      const kept = { bytes, release: () => undefined as void };
      holdings.push(kept);
      const holding = budget.hold(bytes, () => holdings.splice(holdings.indexOf(kept), 1));
      kept.release = () => holding.release();
    } else if (what === 'forget') holdings.splice(which, 1)[0]?.release();
    else if (!one) continue;
    else if (what === 'grow') void note(grow(one, bytes));
    else if (what === 'shrink') one.shrinkTo(bytes);
    else if (what === 'split') open.push(one.split(bytes));
    else releaseAt(open.indexOf(one));
    await turn();
    expect(budget.reserved).toBe(open.reduce((sum, each) => sum + each.bytes, 0));
    expect(budget.held).toBe(holdings.reduce((sum, each) => sum + each.bytes, 0));
    const alone = open.filter((each) => each.alone);
    if (alone.length === 0) expect(budget.reserved + budget.held).toBeLessThanOrEqual(budget.limit);
    else
      expect([budget.held, open.filter((each) => each.bytes > 0)]).toEqual([0, alone.filter((each) => each.bytes > 0)]);
  }
  for (let rounds = 0; (unanswered > 0 || open.length > 0) && rounds < 200; rounds++) {
    releaseAt(0);
    await turn();
  }
  expect([unanswered, budget.reserved, budget.waiting]).toEqual([0, 0, 0]);
}
