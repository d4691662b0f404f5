import { waitFor } from '../../support/wait-for.js';
import { ENDS_THE_PROCESS } from '../../../src/sessions/quarantine.js';
import type { ServiceProcess } from '../../world/service/service-process.js';
import { LargeRound, MB } from '../fixtures/large-sessions.js';
import { peakRssMb } from '../fixtures/memory.js';

jest.setTimeout(120_000);

const READ = 'GET /chat-sessions/{id}';
const MODERATOR = 'token-moderator';
const RSS_LIMIT_MB = 600;
const SMALL = 20;

interface Problem {
  tenantId: string;
  sessionId?: string;
  reason: string;
  since: string;
}

let round: LargeRound;

beforeEach(async () => {
  round = await LargeRound.start('too-large-sessions', { LOG_LEVEL: 'warn', INSTANCE_NAME: 'one' });
  round.core.addUser({ token: MODERATOR, isModerator: true });
});

afterEach(async () => {
  await round.stop();
  expect(round.core.server.violations).toEqual([]);
});

async function problemsOf(service: ServiceProcess): Promise<Problem[]> {
  const headers = { authorization: `Bearer ${MODERATOR}` };
  const answer = await fetch(`${service.url}/operations/session-checks`, { headers });
  return ((await answer.json()) as { problems: Problem[] }).problems;
}

/** Ids of sessions that were read one by one, each as often as it was. */
const readOneByOne = () =>
  round.core.server.requests.filter(({ route }) => route === READ).map(({ path }) => path.split('/').at(-1));

const heard = () => round.receiver.ofWebhooks().map(({ sessionId }) => sessionId);

/** So many bytes of JSON as the value of a session's field: `times` parts between a beginning and an end. */
function repeated(begin: string, part: string, times: number, end: string): Buffer[] {
  const one = Buffer.from(part);
  return [Buffer.from(begin), ...Array<Buffer>(times).fill(one), Buffer.from(end)];
}

it('what would end the process is quarantined unparsed, each with its reason, and everything else is delivered', async () => {
  await round.addTenants(['t1', 't2', 't3', 't4']);
  const small = ['t1', 't2', 't3', 't4'].flatMap((id) => round.round.addSessions(id, SMALL / 4)).sort();
  const [objects] = round.round.addSessions('t1', 1);
  round.long.put(objects!, 'variables', repeated('[', '{},'.repeat(50_000), 100, '{}]'));
  const [nested] = round.round.addSessions('t2', 1);
  round.long.put(nested!, 'features', [Buffer.from('['.repeat(20_000) + ']'.repeat(20_000))]);
  const [long] = round.round.addSessions('t3', 1);
  round.long.put(long!, 'summary', repeated('"', 'x'.repeat(MB), 65, '"'));

  const service = await round.round.spawn();
  await waitFor('the small sessions', () => heard().length >= SMALL, { timeoutMs: 60_000 });
  let problems: Problem[] = [];
  const named = async () => (problems = await problemsOf(service)).length >= 3;
  await waitFor('three sessions to be named', named, { timeoutMs: 60_000 });

  expect(
    Object.fromEntries(problems.map(({ sessionId, tenantId, reason }) => [sessionId, [tenantId, reason]])),
  ).toEqual({
    [objects!]: ['t1', expect.stringContaining('268435456 bytes')],
    [nested!]: ['t2', expect.stringContaining('1000 levels')],
    [long!]: ['t3', expect.stringContaining('67108864 bytes')],
  });
  expect(heard().sort()).toEqual(small);
  // left alone now: the checks that follow ask for none of them
  const reads = readOneByOne();
  expect([objects, nested, long].map((id) => reads.filter((read) => read === id).length)).toEqual([1, 1, 1]);
  expect(service.running).toBe(true);
  expect(peakRssMb(service.pid)).toBeLessThanOrEqual(RSS_LIMIT_MB);
});

it('a session that ends the process twice is not read at the third start, and all others are delivered', async () => {
  await round.addTenants(['t1', 't2']);
  const small = ['t1', 't2'].flatMap((id) => round.round.addSessions(id, SMALL / 2)).sort();
  const deadly = round.addLarge('t1', 50);
  const beside = [round.addLarge('t1', 50), round.addLarge('t2', 50)]; // wait for their turn when the process ends
  let service: ServiceProcess;
  const notes = round.round.db.collection<{ _id: string; deaths: number }>('quarantine');
  let deaths = 0;
  round.core.server.onBefore(READ, async ({ params }) => {
    // beside others at first; alone where that finds no room, which is noted in the database before
    if (params['id'] !== deadly || (await notes.findOne({ _id: deadly }))?.deaths !== deaths + 1) return;
    deaths++;
    await service.kill();
  });

  for (const start of [1, 2]) {
    service = await round.round.spawn();
    await waitFor(`death ${start}`, () => !service.running, { timeoutMs: 60_000 });
  }
  const before = readOneByOne().length;
  service = await round.round.spawn();
  const others = [...small, ...beside].sort();
  await waitFor('all others', () => new Set(heard()).size >= others.length, { timeoutMs: 60_000 });
  expect([...new Set(heard())].sort()).toEqual(others);
  // the notes on the others are taken out when the check ends
  await waitFor('the check to end', async () => (await notes.countDocuments()) === 1, { timeoutMs: 30_000 });
  const problems = await problemsOf(service);
  expect(problems).toEqual([expect.objectContaining({ sessionId: deadly, reason: ENDS_THE_PROCESS })]);
  expect(deaths).toBe(2);
  expect(service.running).toBe(true);
  expect(
    readOneByOne()
      .slice(before)
      .filter((id) => id === deadly),
  ).toEqual([]);
});
