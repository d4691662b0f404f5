import { Registry } from 'prom-client';
import { MemoryBudget } from '../platform/memory-budget.js';
import { observeMemory } from './memory-metrics.js';

const MEGABYTE = 1024 * 1024;

describe('the metrics of the memory budget', () => {
  const registry = new Registry();
  const budget = new MemoryBudget({ sessionMemoryBudgetMb: 16 });
  observeMemory(registry, budget);

  const value = async (name: string, of?: string) => {
    const metric = await registry.getSingleMetric(`hbf_session_manager_${name}`)!.get();
    return metric.values.find(({ labels }) => labels['of'] === of)?.value;
  };
  const bytes = (of: string) => value('session_memory_bytes', of);

  it('tell what is reserved, held and waited for at the moment', async () => {
    const reservation = await budget.reserve(9 * MEGABYTE);
    budget.hold(4 * MEGABYTE, () => undefined);
    expect([await bytes('limit'), await bytes('reserved'), await bytes('held')]).toEqual(
      [16, 9, 4].map((megabytes) => megabytes * MEGABYTE),
    );
    expect(await value('session_memory_waiting')).toBe(0);

    const next = budget.reserve(10 * MEGABYTE);
    expect(await value('session_memory_waiting')).toBe(1);

    reservation.release();
    await next;
    expect([await bytes('reserved'), await bytes('held')]).toEqual([10 * MEGABYTE, 4 * MEGABYTE]);
    expect(await value('session_memory_waiting')).toBe(0);
  });
});
