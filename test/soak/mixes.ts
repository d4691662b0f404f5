import type { PlainBehavior } from '../world/receivers/behavior.js';

/** How many endpoints there are, and how they answer. */
export interface Mix {
  tenants: number;
  hooksPerTenant: number;
  /** Sessions that end in a second, unless said otherwise. */
  perSecond: number;
  /** For the table. */
  answers(slowMs: number): string;
  /** Of the endpoint of that integration; undefined: it answers 200 at once. */
  behaviorOf(id: number, slowMs: number): PlainBehavior | undefined;
}

/** One endpoint in a hundred answers 500, for ever, and one in ten is slow. */
const usual: Mix = {
  tenants: 100,
  hooksPerTenant: 2,
  perSecond: 200,
  answers: (slowMs) => `1 % answer 500 and 10 % take ${(slowMs / 1000).toFixed(1)} s`,
  behaviorOf: (id, slowMs) => {
    if (id % 100 === 1) return { kind: 'status', status: 500 };
    return id % 10 === 5 ? { kind: 'delay', ms: slowMs } : undefined;
  },
};

/** 2,000 endpoints, two of each tenant's ten of no use: one in ten never answers, and one in ten answers 401. */
const manyEndpoints: Mix = {
  tenants: 200,
  hooksPerTenant: 10,
  perSecond: 50,
  answers: () => '10 % hang and 10 % answer 401',
  behaviorOf: (id) => {
    if (id % 10 === 1) return { kind: 'hang' };
    return id % 10 === 5 ? { kind: 'status', status: 401 } : undefined;
  },
};

export const MIXES: Record<string, Mix> = { usual, 'many-endpoints': manyEndpoints };

/** Whether an endpoint accepts nothing for as long as the run lasts. */
export function isFailing(behavior: PlainBehavior | undefined): boolean {
  return behavior?.kind === 'status' || behavior?.kind === 'hang';
}
