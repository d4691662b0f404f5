import { channelOf } from '../../../src/completions/delivery.js';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { insertIntegration } from '../../world/integrations.js';
import { waitFor } from '../../support/wait-for.js';
import {
  answer,
  breakOff,
  FaultyServer,
  GZIP_BOMB,
  hang,
  type Meet,
  neverEnds,
  reset,
  slowBody,
  slowHead,
  tenMegabytes,
} from '../fixtures/faults.js';
import { Round } from '../fixtures/round.js';

const PER_ENDPOINT = 5;
const INTEGRATIONS_PER_ENDPOINT = 4;
/** What keep-alive to the siblings and the driver's pool may add or take away meanwhile. */
const LEEWAY = 16;
const MEGABYTE = 1024 * 1024;

const BROKEN: Meet[] = [
  hang,
  reset,
  slowHead,
  slowBody(500),
  neverEnds(500),
  neverEnds(200),
  tenMegabytes(503),
  breakOff(500),
  answer(500, { 'content-encoding': 'gzip' }, GZIP_BOMB),
  answer(302, { location: '/hook' }),
];

jest.setTimeout(90_000);

describe(`after ${BROKEN.length * INTEGRATIONS_PER_ENDPOINT * PER_ENDPOINT} deliveries to broken endpoints`, () => {
  let round: Round;
  const servers: FaultyServer[] = [];

  beforeAll(async () => {
    round = await Round.start('faults-sockets', {
      DELIVERY_RETRY_SCHEDULE: '1h',
      WEBHOOK_TIMEOUT_MS: '300',
      SESSION_SERVICE_REQUEST_TIMEOUT: '20000',
    });
    round.addTenant('t1');
    for (const meet of BROKEN) servers.push(await FaultyServer.start(meet));
  });

  afterAll(async () => {
    await round.stop();
    await Promise.all(servers.map((server) => server.stop()));
    expect(round.platform.violations).toEqual([]);
  });

  it('sockets and memory are as before', async () => {
    await warmUp();
    const socketsBefore = openSockets();
    const memoryBefore = heldOutsideTheHeap();
    for (const [nth, server] of servers.entries()) await point(nth, `http://127.0.0.1:${server.port}/hook`);
    for (let n = 0; n < PER_ENDPOINT; n++) round.addSession('t1', 20);
    await round.check();
    await waitFor('every delivery to be attempted', async () => (await attempts()) === total(), { timeoutMs: 60_000 });

    const open = () => servers.reduce((sum, server) => sum + server.open, 0);
    await waitFor('connections to be closed', () => open() === 0 && openSockets() <= socketsBefore + LEEWAY);
    const grown = heldOutsideTheHeap() - memoryBefore;
    // 20 answers of 10 MB and 40 without an end: kept, they would be more than this
    expect(grown).toBeLessThan(100 * MEGABYTE);
  });

  const total = () => servers.length * INTEGRATIONS_PER_ENDPOINT * PER_ENDPOINT;

  /** Connections to the database and the siblings are made once. */
  async function warmUp(): Promise<void> {
    for (let n = 0; n < PER_ENDPOINT; n++) round.addSession('t1', 20);
    await round.check();
    await round.allSettled();
  }

  async function point(nth: number, url: string): Promise<void> {
    for (let n = 1; n <= INTEGRATIONS_PER_ENDPOINT; n++) {
      const id = nth * INTEGRATIONS_PER_ENDPOINT + n;
      await insertIntegration(round.db, { id, organizationId: 'org-t1', tenants: ['t1'], url });
    }
  }

  async function attempts(): Promise<number> {
    const webhooks = [...(await round.all()).values()].flatMap(({ deliveries }) => deliveries);
    return webhooks
      .filter(({ destination }) => channelOf(destination) === 'webhook')
      .reduce((sum, one) => sum + one.attempts, 0);
  }
});

/** Both ends of each connection within this process. */
function openSockets(): number {
  if (!existsSync('/proc/self/fd')) return process.getActiveResourcesInfo().filter((one) => /Wrap$/.test(one)).length;
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false; // closed by now
    }
  }).length;
}

/** Bytes of buffers, where what an endpoint answered would lie. */
function heldOutsideTheHeap(): number {
  return process.memoryUsage().external;
}
