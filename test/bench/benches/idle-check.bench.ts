import { median, preciseNow, round } from '../../support/figures.js';
import { CommandCounter } from '../../world/command-counter.js';
import { DeliveryError, type LoadWorld } from '../../world/load-world.js';
import { cpuSeconds } from '../../world/service/process-figures.js';
import type { ServiceProcess } from '../../world/service/service-process.js';
import { atMost, type Bench, exactly, type Figure } from '../bench.js';
import { HELD, HeldChecks } from '../held-checks.js';
import { useWorld } from '../measured-world.js';

/** What hbf-core takes for an answer. */
const ANSWER_MS = 20;
/** The first check, which compiles, is shown apart. */
const CHECKS = 5;
/** A page of tenants, as the service asks for them; the last page brings nothing new. */
const TENANTS_PER_PAGE = 500;
/** What goes on at its own pace, check or not: heartbeats, the retry worker's polls, and the measuring of the clocks. */
const OF_OTHERS = ['heartbeats', 'destinations', ''];
const ROUTES = { tenants: 'GET /tenants', lists: 'GET /chat-sessions' };

/** What one check has cost. */
interface Cost {
  lists: number;
  canaries: number;
  tenantPages: number;
  otherCalls: number;
  /** Each tenant once. */
  even: boolean;
  seconds: number;
  cpuMs: number;
  commands: number;
}

/** Checks that find nothing: very many tenants, each with a session that goes on. */
export const idleCheck: Bench = {
  name: 'idle-check',
  run({ quick, ...options }) {
    const tenants = quick ? 500 : 5_000;
    const shape = { tenants, hooksPerTenant: 0, analyses: false, thresholdSeconds: 3_600 };
    return useWorld(shape, options, async (world) => {
      await world.core.call('addSessions', { tenants: world.tenants, count: tenants, ageMs: 60_000 });
      await world.core.call('behave', { answerMs: ANSWER_MS });
      const counter = await CommandCounter.start(world.databaseUri);
      try {
        const checks = await HeldChecks.of(world);
        const service = await world.startService({ ...HELD, MONGODB_URI: counter.uri });
        const costs: Cost[] = [];
        for (let n = 0; n < CHECKS; n++) costs.push(await costOf(world, checks, service, counter));
        return figuresOf(costs, tenants);
      } finally {
        counter.stop();
      }
    });
  },
};

async function costOf(
  world: LoadWorld,
  checks: HeldChecks,
  { pid }: ServiceProcess,
  counter: CommandCounter,
): Promise<Cost> {
  await checks.about(1);
  const [calls, cpu, commands] = [await world.core.call('calls'), cpuSeconds(pid), counter.totalBeside(...OF_OTHERS)];
  const beganAt = preciseNow();
  const { least, most, ofTenants, canaries, lastAt } = await checks.once();
  const cpuMs = (cpuSeconds(pid) - cpu) * 1000;
  const spent = counter.totalBeside(...OF_OTHERS) - commands;
  const after = await world.core.call('calls');
  const made = (route: string) => after[route]! - calls[route]!;
  const otherCalls = Object.keys(after).filter((route) => !Object.values(ROUTES).includes(route));
  if (made('PATCH /chat-sessions/batch/complete') > 0) throw new DeliveryError('a session that goes on was completed');
  return {
    lists: ofTenants,
    canaries,
    tenantPages: made(ROUTES.tenants),
    otherCalls: otherCalls.reduce((sum, route) => sum + made(route), 0),
    even: least === 1 && most === 1,
    seconds: (lastAt - beganAt + ANSWER_MS) / 1000,
    cpuMs,
    commands: spent,
  };
}

function figuresOf(costs: readonly Cost[], tenants: number): Figure[] {
  const all = (of: (cost: Cost) => number) => [...new Set(costs.map(of))];
  /** The value of all checks, or the one that differs most from what it must be. */
  const worst = (of: (cost: Cost) => number, must: number) =>
    all(of).sort((a, b) => Math.abs(b - must) - Math.abs(a - must))[0]!;
  const exact = (name: string, of: (cost: Cost) => number, must: number): Figure => {
    return { name, value: worst(of, must), must: exactly(must), note: `of ${costs.length} checks: ${all(of).join(', ')}` }; // prettier-ignore
  };
  const later = costs.slice(1);
  const perTenant = later.map(({ cpuMs }) => cpuMs / tenants);
  const first = costs[0]!;
  return [
    exact(`lists of ${tenants} tenants`, ({ lists }) => lists, tenants),
    exact('checks that asked for each tenant once', ({ even }) => (even ? 1 : 0), 1),
    exact('canaries', ({ canaries }) => canaries, 1),
    exact('pages of tenants, the last one without a new one', (cost) => cost.tenantPages, Math.ceil(tenants / TENANTS_PER_PAGE) + 1), // prettier-ignore
    exact('other calls to hbf-core', ({ otherCalls }) => otherCalls, 0),
    { name: 'CPU of the service per tenant', value: round(median(perTenant), 3), unit: 'ms', must: atMost(1), aim: atMost(0.5), note: `checks ${perTenant.map((ms) => round(ms, 2)).join(', ')}; the first one ${round(first.cpuMs / tenants, 2)}` }, // prettier-ignore
    { name: `a check, each answer takes ${ANSWER_MS} ms`, value: round(Math.max(...costs.map(({ seconds }) => seconds)), 1), unit: 's', must: atMost(30), aim: atMost(20) }, // prettier-ignore
    { name: 'database commands of a check', value: median(costs.map(({ commands }) => commands)), must: atMost(4), note: `checks ${costs.map(({ commands }) => commands).join(', ')}: a recovery every 30 s is among them` }, // prettier-ignore
  ];
}
