import type { ServiceProcess } from '../../support/service-process.js';
import { atLeast, type Bench, type BenchOptions, type Figure, LedgerError, median, round } from '../bench.js';
import { type GiveCore, withCoreApart } from '../cores.js';
import { cpuSeconds } from '../proc.js';
import { Remote } from '../rpc.js';
import type { SenderHandlers } from '../sender.process.js';
import { World } from '../world.js';

/**
 * Requests under way at once. It is the default of DELIVERY_CONCURRENCY; the senders get the same, and as they may have
 * all of it at one destination, so may the service.
 */
const CONCURRENCY = 64;
const SAME_CONCURRENCY = {
  DELIVERY_CONCURRENCY: String(CONCURRENCY),
  ANALYSIS_CONCURRENCY: String(CONCURRENCY),
  FLOW_TRIGGER_CONCURRENCY: String(CONCURRENCY),
};
/** Sessions for everybody to warm up with: with 1,000 the first two rounds still measured the compiler. */
const WARM_UP = 5_000;
/** About what the service works in one round, whatever the machine. */
const ROUND_SECONDS = 6;
const MOST_IN_ROUND = 15_000;
/** What an endpoint near by takes to answer. */
const NEAR_BY_MS = 10;
const WORLD = { tenants: 10, hooksPerTenant: 2, analyses: true, thresholdSeconds: 0.5 };

const WAYS = ['undici', 'axios', 'service'] as const;

/** Of each way: sessions a second, and CPU seconds of the sending process per 1,000 sessions. */
type Round = Record<(typeof WAYS)[number], { rate: number; cpu: number }>;

/**
 * Sessions of 20 messages, each one flow trigger, one analysis and two signed webhooks: the service (with its defaults
 * but for concurrency) against senders of the same requests that keep no books, turn by turn and on the same core, and
 * against the obvious design.
 */
export const pipeline: Bench = {
  name: 'pipeline',
  run: (options) => withCoreApart((giveCore) => World.use(WORLD, (world) => compare(world, giveCore, options))),
};

async function compare(world: World, giveCore: GiveCore, options: BenchOptions): Promise<Figure[]> {
  const sender = await Remote.start<SenderHandlers>('sender.process.ts');
  try {
    giveCore(sender.pid);
    return await measure(world, sender, giveCore, options);
  } finally {
    await sender.stop();
  }
}

async function measure(
  world: World,
  sender: Remote<SenderHandlers>,
  giveCore: GiveCore,
  options: BenchOptions,
): Promise<Figure[]> {
  const rounds = options.quick ? 1 : 5;
  const service = await world.startService(
    { CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.02', ...SAME_CONCURRENCY },
    options,
  );
  giveCore(service.pid);
  const warm = await turn(world, sender, service, options.quick ? 200 : WARM_UP);
  const most = options.quick ? 500 : MOST_IN_ROUND;
  const sessions = Math.round(Math.min(most, Math.max(300, warm.service.rate * ROUND_SECONDS)));
  const callsBefore = await world.platform.call('calls');
  const turns: Round[] = [];
  for (let i = 0; i < rounds; i++) turns.push(await turn(world, sender, service, sessions));
  const calls = await world.platform.call('calls');
  const perSession = (route: string) => round((calls[route]! - callsBefore[route]!) / (sessions * rounds), 3);
  const nearBy = await withReceiversNearBy(world, Math.min(sessions, options.quick ? 300 : 2_000));
  await stopped(service);
  const obvious = await rateOfObvious(world, sender, options.quick ? 200 : 1_000);
  await world.sink.call('behave', { delayMs: NEAR_BY_MS });
  const obviousNearBy = await rateOfObvious(world, sender, options.quick ? 40 : 150);

  const service1 = median(turns.map((one) => one.service.rate));
  const ratio = (to: 'undici' | 'axios') => round(median(turns.map((one) => one.service.rate / one[to].rate)));
  const rates = (name: keyof Round) => turns.map((one) => Math.round(one[name].rate)).join(', ');
  return [
    { name: 'service / bare undici', value: ratio('undici'), must: atLeast(0.35), aim: atLeast(0.6), note: `sessions/s: service ${rates('service')}; undici ${rates('undici')}` }, // prettier-ignore
    { name: 'service / axios without books', value: ratio('axios'), must: atLeast(1), aim: atLeast(1.6), note: `axios ${rates('axios')}` }, // prettier-ignore
    { name: `service / obvious design, receivers answer in ${NEAR_BY_MS} ms`, value: round(nearBy / obviousNearBy, 1), must: atLeast(10), aim: atLeast(20), note: `${Math.round(nearBy)} / ${round(obviousNearBy, 1)} sessions/s` }, // prettier-ignore
    { name: 'service / obvious design, receivers answer at once', value: round(service1 / obvious, 1), note: `${Math.round(obvious)} sessions/s` }, // prettier-ignore
    { name: 'sessions read again from hbf-core, per session', value: perSession('GET /chat-sessions/{id}'), note: 'deliveries that found no place at first' }, // prettier-ignore
    {
      name: 'CPU seconds per 1,000 sessions, service / bare undici',
      value: round(median(turns.map((one) => one.service.cpu / one.undici.cpu))),
      note: WAYS.map((way) => `${way} ${round(median(turns.map((one) => one[way].cpu)))} s`).join(', '),
    },
  ];
}

/** The same sessions by each of the three, one after the other. */
async function turn(
  world: World,
  sender: Remote<SenderHandlers>,
  service: ServiceProcess,
  sessions: number,
): Promise<Round> {
  await world.addExpired(sessions, { parked: true });
  const { posts, bytes } = await sender.call('prepare', world.sender);
  if (posts !== sessions * world.debtsPerSession) throw new LedgerError(`${posts} requests were prepared`);
  const measured = async (pid: number, run: () => Promise<number>) => {
    const before = cpuSeconds(pid);
    const rate = await run();
    const cpu = ((cpuSeconds(pid) - before) * 1000) / sessions;
    await balance(world, bytes);
    return { rate, cpu };
  };
  const bare = (way: 'undici' | 'axios') =>
    measured(sender.pid, async () => sessions / (await sender.call(way, { concurrency: CONCURRENCY })));
  const undici = await bare('undici');
  const axios = await bare('axios');
  const byService = await measured(service.pid, async () => (await world.rateOfService(sessions)).perSecond);
  await world.forgetSessions();
  return { undici, axios, service: byService };
}

/** Everybody must have sent the same bytes, once. */
async function balance(world: World, expectedBytes: number): Promise<void> {
  const { bytes } = await world.sink.call('settled', { debts: 0, timeoutMs: 0 });
  const duplicates = await world.balance();
  if (duplicates > 0) throw new LedgerError(`${duplicates} duplicates although nobody crashed`);
  if (bytes !== expectedBytes) throw new LedgerError(`${bytes} bytes were received, not ${expectedBytes}`);
}

async function withReceiversNearBy(world: World, sessions: number): Promise<number> {
  await world.sink.call('behave', { delayMs: NEAR_BY_MS });
  await world.addExpired(sessions, { parked: true });
  const { perSecond } = await world.rateOfService(sessions);
  await world.balance();
  await world.forgetSessions();
  await world.sink.call('behave', {});
  return perSecond;
}

async function stopped(service: ServiceProcess): Promise<void> {
  const { code } = await service.stop();
  if (code !== 0) throw new Error(`the service ended with ${code}\n${service.tail()}`);
}

async function rateOfObvious(world: World, sender: Remote<SenderHandlers>, sessions: number): Promise<number> {
  await world.addExpired(sessions);
  const seconds = await sender.call('obvious', world.sender);
  await world.balance();
  await world.forgetSessions();
  return sessions / seconds;
}
