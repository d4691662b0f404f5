import { newDelivery } from '../completions/transitions.js';
import type { Delivery, DeliveryState } from '../completions/delivery.js';
import { MemoryBudget } from '../platform/memory-budget.js';
import { BodyCache } from './body-cache.js';

const MB = 1024 * 1024;

describe('BodyCache', () => {
  const body = Buffer.alloc(5 * MB);
  let budget: MemoryBudget;
  let bodies: BodyCache;

  beforeEach(() => {
    budget = new MemoryBudget({ sessionMemoryBudgetMb: 16 });
    bodies = new BodyCache(budget);
  });

  const delivery = (destination: string, state: DeliveryState): Delivery => ({
    ...newDelivery(destination, { token: 't', until: new Date(0) }),
    state,
  });

  it('keeps a body, once, until the last of its deliveries is not pending any more', () => {
    for (const destination of ['flow:t1', 'webhook:1']) bodies.note('s1', delivery(destination, 'pending'), body);
    expect([bodies.get('s1'), budget.held]).toEqual([body, body.length]);
    bodies.note('s1', delivery('flow:t1', 'delivered'), body);
    bodies.note('s1', delivery('webhook:2', 'dead'), body);
    expect(bodies.get('s1')).toBe(body);
    bodies.note('s1', delivery('webhook:1', 'dead'), body);
    expect([bodies.get('s1'), budget.held]).toEqual([undefined, 0]);
  });

  it('keeps nothing for deliveries without a body, and nothing that was not made', () => {
    for (const destination of ['analysis:t1', 'surveys:t1']) bodies.note('s1', delivery(destination, 'pending'), body);
    bodies.note('s1', delivery('flow:t1', 'delivered'), body);
    bodies.note('s1', delivery('flow:t1', 'pending'), undefined);
    expect([bodies.get('s1'), budget.held]).toEqual([undefined, 0]);
  });

  it('lets the oldest go when the memory budget needs the room', async () => {
    for (const id of ['s1', 's2', 's3']) bodies.note(id, delivery('flow:t1', 'pending'), body);
    await budget.reserve(3 * MB);
    expect(['s1', 's2', 's3'].map((id) => bodies.get(id) !== undefined)).toEqual([false, true, true]);
    bodies.note('s1', delivery('flow:t1', 'delivered'), body);
    bodies.note('s4', delivery('flow:t1', 'pending'), Buffer.alloc(14 * MB));
    expect([bodies.get('s4'), budget.held]).toEqual([undefined, 2 * body.length]);
  });
});
