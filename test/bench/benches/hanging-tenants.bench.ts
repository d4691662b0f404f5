import { percentile, round } from '../../support/figures.js';
import { type LoadWorld } from '../../world/load-world.js';
import { atMost, type Bench, type BenchOptions } from '../bench.js';
import { useWorld } from '../measured-world.js';
import { OFTEN } from '../rounds.js';

const TENANTS = 100;
const WORLD = { tenants: TENANTS, hooksPerTenant: 0, analyses: false, thresholdSeconds: 0.5 };
/** The first four in hbf-core's list of tenants, four in the middle and the last four. */
const ILL = [0, 1, 2, 3, 48, 49, 50, 51, 96, 97, 98, 99];
const PER_SECOND = 100;
/** Longer than a minute: a tenant whose list failed is asked again after that time. */
const SECONDS = 75;
const DELIVERED_WITHIN_MS = 60_000;

const TROUBLES = ['none', 'hanging', 'failing'] as const;
type Trouble = (typeof TROUBLES)[number];

/**
 * What the tenants feel of others whose lists hang until the time-out or are answered with 500, from the beginning of the
 * load: milliseconds from the end of a session, by its threshold, to hbf-core's answer that it is completed.
 */
export const hangingTenants: Bench = {
  name: 'hanging-tenants',
  async run(options) {
    const p99 = new Map<Trouble, number>();
    const p50 = new Map<Trouble, number>();
    for (const trouble of TROUBLES) {
      const lateness = await once(options, trouble);
      p99.set(trouble, percentile(lateness, 0.99));
      p50.set(trouble, percentile(lateness, 0.5));
    }
    const figure = (trouble: Trouble) => {
      const [mine, none] = [trouble, 'none' as const].map((one) => `${round(p99.get(one)!, 0)} (p50 ${round(p50.get(one)!, 0)})`); // prettier-ignore
      return {
        name: `p99 beside ${ILL.length} ${trouble} of ${TENANTS} / beside none`,
        value: round(p99.get(trouble)! / p99.get('none')!),
        must: atMost(2),
        aim: atMost(1.2),
        note: `${mine} / ${none} ms; a check each ${Number(OFTEN.CHAT_SESSION_CHECK_INTERVAL_IN_MINS) * 60} s`,
      };
    };
    return [figure('hanging'), figure('failing')];
  },
};

/** Each on a service of its own: what is remembered of a tenant must not show in the next turn. */
function once({ quick, ...options }: BenchOptions, trouble: Trouble): Promise<number[]> {
  return useWorld(WORLD, options, async (world) => {
    await world.startService(OFTEN);
    const ill = ILL.map((index) => world.tenants[index]!);
    const well = world.tenants.filter((tenant) => !ill.includes(tenant));
    await offer(world, well, quick ? 2 : 5); // for the compiler
    if (trouble !== 'none') await world.core.call('behave', { [trouble]: ill });
    await offer(world, well, quick ? 8 : SECONDS);
    const { lateness } = await world.core.call('figures', 0);
    await world.check();
    return lateness;
  });
}

async function offer(world: LoadWorld, tenants: string[], seconds: number): Promise<void> {
  await world.forgetSessions();
  await world.receivers.call('clear');
  await world.core.call('stream', { tenants, perSecond: PER_SECOND, seconds });
  await world.delivered(PER_SECOND * seconds, DELIVERED_WITHIN_MS);
}
