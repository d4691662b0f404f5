import { join } from 'node:path';
import { median, round } from '../../support/figures.js';
import { DeliveryError, HOOK_SECRET, type LoadWorld, ORGANIZATION } from '../../world/load-world.js';
import { CORE_TOKEN } from '../../world/planted-secrets.js';
import { Remote } from '../../world/rpc.js';
import type { ServiceProcess } from '../../world/service/service-process.js';
import { atLeast, type Bench, type BenchOptions, type Figure, type Limit } from '../bench.js';
import { type GiveCore, withCoreApart } from '../cores.js';
import { useWorld } from '../measured-world.js';
import { OFTEN, type Pace, paceOf, paceOfService, stopped } from '../rounds.js';
import type { SenderHandlers, SenderWorld } from '../sender.process.js';

/** Requests that the senders have under way at once: the default of DELIVERY_CONCURRENCY. */
const CONCURRENCY = 64;
/** The senders may have all of it at one platform service, so with these the service may, too. */
const RAISED_LIMITS = {
  DELIVERY_CONCURRENCY: String(CONCURRENCY),
  ANALYSIS_CONCURRENCY: String(CONCURRENCY),
  FLOW_TRIGGER_CONCURRENCY: String(CONCURRENCY),
};
/** Sessions for all to warm up with: with 1,000 the first two rounds still measured the compiler. */
const WARM_UP = 5_000;
/** About what the service works in one round, whatever the machine. */
const ROUND_SECONDS = 6;
const MOST_IN_ROUND = 15_000;
/** What an endpoint near by takes to answer. */
const NEAR_BY_MS = 10;
const SHAPE = { tenants: 10, hooksPerTenant: 2, analyses: true, thresholdSeconds: 0.5 };

const WAYS = ['undici', 'axios', 'service'] as const;
type Round = Record<(typeof WAYS)[number], Pace>;

/** What is set of the service, and which ratios to the bare senders it must keep. */
interface Variant {
  env: Record<string, string>;
  undici?: { must: Limit; aim?: Limit };
  axios?: { must: Limit; aim?: Limit };
}

/** With production's defaults. */
export const pipeline: Bench = { name: 'pipeline', run: (options) => run({ env: {} }, options) };

/** The service may have as many requests under way at one destination as the senders. */
export const pipelineRaisedLimits: Bench = {
  name: 'pipeline-raised-limits',
  run: (options) =>
    run(
      {
        env: RAISED_LIMITS,
        undici: { must: atLeast(0.27), aim: atLeast(0.6) },
        axios: { must: atLeast(1.1), aim: atLeast(1.6) },
      },
      options,
    ),
};

/**
 * Sessions of 20 messages, each one flow trigger, one analysis and two signed webhooks: the service against senders of
 * the same requests that write nothing down, turn by turn and on the same core, and against the obvious design.
 */
function run(variant: Variant, options: BenchOptions): Promise<Figure[]> {
  return withCoreApart((giveCore) =>
    useWorld(SHAPE, options, async (world) => {
      const sender = await Remote.start<SenderHandlers>(join(__dirname, '..', 'sender.process.ts'));
      try {
        giveCore(sender.pid);
        return await new Comparison(world, sender, variant, options).run(giveCore);
      } finally {
        await sender.stop();
      }
    }),
  );
}

class Comparison {
  private readonly senderWorld: SenderWorld;

  constructor(
    private readonly world: LoadWorld,
    private readonly sender: Remote<SenderHandlers>,
    private readonly variant: Variant,
    private readonly options: BenchOptions,
  ) {
    this.senderWorld = {
      coreUrl: world.urls.core,
      publisherUrl: world.urls.publisher,
      nlpUrl: world.urls.nlp,
      token: CORE_TOKEN,
      organizationId: ORGANIZATION,
      tenants: world.tenants,
      hooks: world.hooks,
      hookSecret: HOOK_SECRET,
    };
  }

  async run(giveCore: GiveCore): Promise<Figure[]> {
    const { world, options } = this;
    const rounds = options.quick ? 1 : 5;
    const service = await world.startService({ ...OFTEN, ...this.variant.env });
    giveCore(service.pid);
    const warm = await this.turn(service, options.quick ? 200 : WARM_UP);
    const most = options.quick ? 500 : MOST_IN_ROUND;
    const sessions = Math.round(Math.min(most, Math.max(300, warm.service.rate * ROUND_SECONDS)));
    const readBefore = await this.sessionsRead();
    const turns: Round[] = [];
    for (let i = 0; i < rounds; i++) turns.push(await this.turn(service, sessions));
    const readAgain = round(((await this.sessionsRead()) - readBefore) / (sessions * rounds), 3);
    const nearBy = await this.withReceiversNearBy(Math.min(sessions, options.quick ? 300 : 2_000));
    await stopped(service);
    const obvious = await this.rateOfObvious(options.quick ? 200 : 1_000);
    await world.receivers.call('behave', { all: { kind: 'delay', ms: NEAR_BY_MS } });
    const obviousNearBy = await this.rateOfObvious(options.quick ? 40 : 150);
    return [
      ...this.againstSenders(turns),
      { name: `service / obvious design, receivers answer in ${NEAR_BY_MS} ms`, value: round(nearBy / obviousNearBy, 1), must: atLeast(10), aim: atLeast(20), note: `${Math.round(nearBy)} / ${round(obviousNearBy, 1)} sessions/s` }, // prettier-ignore
      { name: 'service / obvious design, receivers answer at once', value: round(median(turns.map((one) => one.service.rate)) / obvious, 1), note: `${Math.round(obvious)} sessions/s` }, // prettier-ignore
      { name: 'sessions read again from hbf-core, per session', value: readAgain, note: 'deliveries that found no room at first' }, // prettier-ignore
      cpuAgainstSenders(turns),
    ];
  }

  private againstSenders(turns: Round[]): Figure[] {
    const ratio = (to: 'undici' | 'axios') => round(median(turns.map((one) => one.service.rate / one[to].rate)));
    const rates = (name: keyof Round) => turns.map((one) => Math.round(one[name].rate)).join(', ');
    const { undici, axios } = this.variant;
    return [
      { name: 'service / bare undici', value: ratio('undici'), ...undici, note: `sessions/s: service ${rates('service')}; undici ${rates('undici')}` }, // prettier-ignore
      { name: 'service / bare axios', value: ratio('axios'), ...axios, note: `axios ${rates('axios')}` },
    ];
  }

  private async sessionsRead(): Promise<number> {
    return (await this.world.core.call('calls'))['GET /chat-sessions/{id}']!;
  }

  /** The same sessions by each of the three, one after the other. */
  private async turn(service: ServiceProcess, sessions: number): Promise<Round> {
    const { world, sender } = this;
    await world.addExpired(sessions, { parked: true });
    const { posts, bytes } = await sender.call('prepare', this.senderWorld);
    if (posts !== sessions * world.deliveriesPerSession) throw new DeliveryError(`${posts} requests were prepared`);
    const bare = async (way: 'undici' | 'axios') => {
      const rate = async () => sessions / (await sender.call(way, { concurrency: CONCURRENCY }));
      const pace = await paceOf(sender.pid, sessions, rate);
      await this.checkSame(bytes);
      return pace;
    };
    const undici = await bare('undici');
    const axios = await bare('axios');
    const byService = await paceOfService(world, service, sessions);
    await this.checkSame(bytes);
    await world.forgetSessions();
    return { undici, axios, service: byService };
  }

  /** All must have sent the same bytes, once. */
  private async checkSame(expectedBytes: number): Promise<void> {
    const { bytes } = await this.world.receivers.call('figures');
    const again = await this.world.check();
    if (again > 0) throw new DeliveryError(`${again} deliveries arrived again although nothing was killed`);
    if (bytes !== expectedBytes) throw new DeliveryError(`${bytes} bytes arrived, not ${expectedBytes}`);
  }

  private async withReceiversNearBy(sessions: number): Promise<number> {
    const { world } = this;
    await world.receivers.call('behave', { all: { kind: 'delay', ms: NEAR_BY_MS } });
    await world.addExpired(sessions, { parked: true });
    const { perSecond } = await world.rateOfService(sessions);
    await world.check();
    await world.forgetSessions();
    await world.receivers.call('behave', {});
    return perSecond;
  }

  private async rateOfObvious(sessions: number): Promise<number> {
    await this.world.addExpired(sessions);
    const seconds = await this.sender.call('obvious', this.senderWorld);
    await this.world.check();
    await this.world.forgetSessions();
    return sessions / seconds;
  }
}

function cpuAgainstSenders(turns: Round[]): Figure {
  return {
    name: 'CPU seconds per 1,000 sessions, service / bare undici',
    value: round(median(turns.map((one) => one.service.cpu / one.undici.cpu))),
    note: WAYS.map((way) => `${way} ${round(median(turns.map((one) => one[way].cpu)))} s`).join(', '),
  };
}
