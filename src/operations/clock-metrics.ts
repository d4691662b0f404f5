import { Gauge, type Registry } from 'prom-client';
import type { ExpiryClock } from '../sessions/expiry-clock.js';
import { PREFIX } from './metric-names.js';

/** Registers how far the clocks are apart by which sessions are ended. */
export function observeClocks(registry: Registry, clock: ExpiryClock): void {
  new Gauge({
    name: `${PREFIX}clock_offset_seconds`,
    help: 'How far a clock is ahead of this process; hbf-core is absent while its answers tell no time',
    labelNames: ['clock'] as const,
    registers: [registry],
    collect() {
      this.reset();
      const { database, core } = clock.offsets();
      this.set({ clock: 'database' }, database / 1000);
      if (core !== undefined) this.set({ clock: 'hbf-core' }, core / 1000);
    },
  });
}
