import { waitFor } from '../../support/wait-for.js';
import type { ServiceProcess } from '../../world/service/service-process.js';
import { LargeRound, withoutPathAndTime } from '../fixtures/large-sessions.js';
import { peakRssMb } from '../fixtures/memory.js';

jest.setTimeout(150_000);

const RSS_LIMIT_MB = 600;
const LARGE = 8;
const SMALL = 200;
/** Nothing but what the first check does is seen. No call times out, whatever else this machine is busy with. */
const ONE_CHECK = {
  CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '60',
  SESSION_SERVICE_REQUEST_TIMEOUT: '60000',
  LOG_LEVEL: 'warn',
};
const EIGHT = Array.from({ length: LARGE }, (_, index) => `large-${index}`);

let round: LargeRound;

afterEach(async () => {
  await round.stop();
  expect(round.core.server.violations).toEqual([]);
});

async function allHeard(service: ServiceProcess, webhooks: number): Promise<void> {
  const heard = () => {
    if (!service.running) throw new Error(`the service ended\n${service.tail()}`);
    return round.receiver.ofWebhooks().length >= webhooks;
  };
  await waitFor(`${webhooks} webhooks`, heard, { timeoutMs: 120_000, intervalMs: 50 });
}

it.each([
  { megabytes: 50, of: 'one tenant', tenants: ['large-0'] },
  { megabytes: 50, of: 'eight tenants', tenants: EIGHT },
  {
    megabytes: 30,
    of: 'five tenants',
    tenants: ['large-0', 'large-1', 'large-0', 'large-2', 'large-0', ...EIGHT.slice(3, 5)],
  },
])('eight sessions of $megabytes MB of $of are delivered whole, and 200 small ones before them', async (given) => {
  const { megabytes, tenants } = given;
  round = await LargeRound.start('large-sessions', ONE_CHECK);
  const { core, receiver } = round;
  const all = [...new Set(['other-1', 'other-2', ...tenants])];
  await round.addTenants(all);
  const large = EIGHT.map((_, index) => round.addLarge(tenants[index % tenants.length]!, megabytes));
  const small = Array.from({ length: SMALL }, (_, index) =>
    round.round.addSessions(all[index % all.length]!, 1),
  ).flat();

  const service = await round.round.spawn();
  await allHeard(service, LARGE + SMALL);

  const heard = receiver.ofWebhooks().map(({ sessionId }) => sessionId);
  expect([...heard].sort()).toEqual([...small, ...large].sort());
  expect(
    large.map((id) =>
      receiver
        .of(id)
        .filter(({ path }) => path === '/hook/1')
        .map(withoutPathAndTime),
    ),
  ).toEqual(large.map((id) => [round.expected(id)]));
  const flowsOf = (id: string) => receiver.of(id).filter(({ path }) => path.startsWith('/connectors/'));
  await waitFor('every flow trigger', () => large.every((id) => flowsOf(id).length === 1), { timeoutMs: 60_000 });
  expect(large.map((id) => flowsOf(id).map(withoutPathAndTime))).toEqual(large.map((id) => [round.expectedOfFlow(id)]));
  await waitFor('hbf-core to be told of all', () => core.activeCount === 0);
  expect(peakRssMb(service.pid)).toBeLessThanOrEqual(RSS_LIMIT_MB);
});
