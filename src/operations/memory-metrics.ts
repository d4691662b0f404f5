import { Gauge, type Registry } from 'prom-client';
import type { MemoryBudget } from '../platform/memory-budget.js';
import { PREFIX } from './metric-names.js';

/** Registers what sessions take of SESSION_MEMORY_BUDGET_MB. */
export function observeMemory(
  registry: Registry,
  budget: Pick<MemoryBudget, 'limit' | 'reserved' | 'held' | 'waiting'>,
): void {
  const registers = [registry];
  new Gauge({
    name: `${PREFIX}session_memory_bytes`,
    help: 'Memory that sessions take: reserved, for what is read and under way; held, bodies kept for later attempts; and the limit of both, which only a session that is read alone may exceed',
    labelNames: ['of'] as const,
    registers,
    collect() {
      for (const part of ['reserved', 'held', 'limit'] as const) this.set({ of: part }, budget[part]);
    },
  });
  new Gauge({
    name: `${PREFIX}session_memory_waiting`,
    help: 'Readers that wait for a reservation of memory',
    registers,
    collect() {
      this.set(budget.waiting);
    },
  });
}
