import { percentile, round } from '../../support/figures.js';
import { cpuSeconds } from '../../world/service/process-figures.js';
import { atLeast, atMost, type Bench, type BenchOptions } from '../bench.js';
import { type Answers, latencies } from '../offered-load.js';
import { useWorld } from '../measured-world.js';
import { OFTEN } from '../rounds.js';

const RECEIVERS = ['webhook:1', 'webhook:2'];
const WORLD = { tenants: 1, hooksPerTenant: RECEIVERS.length, analyses: false, thresholdSeconds: 0.2 };
/** A tenth more than the 500 that must be kept up with: checks come at times of their own, so the figure varies a bit. */
const PER_SECOND = 550;
const ANSWER_MS = 100;
const SOME_TIME_AWAY: Answers = RECEIVERS.map((destination) => [destination, { kind: 'delay', ms: ANSWER_MS }]);

/** Many sessions to two receivers that take their time, and what they cost beside receivers that answer at once. */
export const receivers: Bench = {
  name: 'receivers',
  async run(options) {
    const slow: Turn[] = [];
    const instant: Turn[] = [];
    for (let turn = 0; turn < (options.quick ? 1 : 2); turn++) {
      slow.push(await once(options, SOME_TIME_AWAY));
      instant.push(await once(options, []));
    }
    const all = (turns: Turn[]) => turns.flatMap(({ times }) => times);
    const mean = (turns: Turn[], of: (turn: Turn) => number) =>
      turns.reduce((total, turn) => total + of(turn), 0) / turns.length;
    const cpu = (turns: Turn[]) => mean(turns, ({ cpuPerDelivery }) => cpuPerDelivery);
    const rate = (turns: Turn[]) => Math.round(mean(turns, ({ arrivedPerSecond }) => arrivedPerSecond));
    const p50 = (turns: Turn[]) => round(percentile(all(turns), 0.5) / 1000, 3);
    const micros = (turns: Turn[]) => Math.round(cpu(turns) * 1_000_000);
    const pause = Number(OFTEN.CHAT_SESSION_CHECK_INTERVAL_IN_MINS) * 60;
    const offered = `${PER_SECOND} sessions/s, a check each ${pause} s; instant receivers ${rate(instant)}/s`;
    return [
      { name: `webhooks/s, two receivers that take ${ANSWER_MS} ms`, value: rate(slow), must: atLeast(1_000), note: offered }, // prettier-ignore
      { name: 'p50 from the PATCH', value: p50(slow), unit: 's', must: atMost(0.5), note: `p99 ${round(percentile(all(slow), 0.99) / 1000)} s; instant receivers ${p50(instant)} s` }, // prettier-ignore
      { name: 'CPU per delivery / that of instant receivers', value: round(cpu(slow) / cpu(instant)), must: atMost(2), note: `${micros(slow)} / ${micros(instant)} µs` }, // prettier-ignore
      { name: 'duplicates', value: [...slow, ...instant].reduce((total, { duplicates }) => total + duplicates, 0), must: atMost(0) }, // prettier-ignore
    ];
  },
};

type Turn = Awaited<ReturnType<typeof once>>;

/** Each on a service of its own, so that each compiles as much, and each finds out anew what a receiver takes. */
function once({ quick, ...options }: BenchOptions, answers: Answers) {
  return useWorld(WORLD, options, async (world) => {
    const { pid } = await world.startService(OFTEN);
    const load = { perSecond: PER_SECOND, seconds: quick ? 8 : 30, answers };
    const before = cpuSeconds(pid);
    const figures = await latencies(world, load);
    const deliveries = load.perSecond * load.seconds * world.deliveriesPerSession;
    return { ...figures, cpuPerDelivery: (cpuSeconds(pid) - before) / deliveries };
  });
}
