import { Heartbeat } from '../../../src/persistence/heartbeat.js';
import { Adoption } from '../../../src/sessions/adoption.js';
import { HoldingReceiver } from '../fixtures/deliveries.js';
import { captureLogs } from '../fixtures/captured-logs.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000); // a busy machine must not fail it

const COMPLETE = 'PATCH /chat-sessions/batch/complete';
const LIST = 'GET /chat-sessions';

describe('a process that the others took for gone', () => {
  let round: Round;

  beforeEach(async () => {
    round = await Round.start('sessions-taken-for-gone');
    round.addTenant('t1');
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  const heart = () => round.service.get(Heartbeat);

  /** As other replicas do it: what it holds is freed, and it is a member no more. */
  async function takenForGone(): Promise<void> {
    await round.service.get(Adoption).adopt(heart().startId);
  }

  /** Lets four seconds pass on the monotonic clock: the last beat is too old from here on. */
  function silence(): void {
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + 4_000);
  }

  it('does not tell hbf-core of a page that it held, but reads it again and completes it under its new start', async () => {
    const sessionId = round.addSession('t1', 20);
    const logs = captureLogs(round);
    const before = heart().startId;
    const forget = round.core.server.onBefore(LIST, async ({ query }) => {
      if (query.get('includeMessages') !== 'true') return;
      forget();
      await takenForGone();
      silence();
    });

    expect(await round.check()).toMatchObject({ completed: 1 });
    expect(heart().startId).not.toBe(before);
    expect(round.core.server.count(COMPLETE)).toBe(1);
    expect(logs.filter(({ event }) => event === 'completion.out-of-date')).toHaveLength(1);
    expect([...(await round.allSettled()).keys()]).toEqual([sessionId]);
  });

  it('only paused goes on with what it holds, after a beat has shown that it still holds it', async () => {
    round.addSession('t1', 20);
    const before = heart().startId;
    const forget = round.core.server.onBefore(LIST, ({ query }) => {
      if (query.get('includeMessages') !== 'true') return;
      forget();
      silence();
    });
    expect(await round.check()).toMatchObject({ completed: 1 });
    expect(heart().startId).toBe(before);
    await round.allSettled();
  });

  it('starts no attempt on what waited in its memory: that is made under a claim of its new start', async () => {
    const receiver = await HoldingReceiver.start();
    await round.addWebhook('t1', { url: receiver.url });
    const forget = round.core.server.onBefore(COMPLETE, async () => {
      forget();
      await takenForGone();
      silence();
    });
    const sessionIds = Array.from({ length: 12 }, () => round.addSession('t1', 20));
    receiver.release();
    await round.check();
    const completions = await round.allSettled();
    for (const { deliveries } of completions.values()) {
      expect(deliveries.map(({ state, attempts }) => [state, attempts])).toEqual(Array(3).fill(['delivered', 1]));
    }
    expect([...receiver.webhookIds].sort()).toEqual(sessionIds.map((id) => `${id}:1`).sort());
    await receiver.stop();
  });

  it('leaves the members when it stops, and holds nothing then', async () => {
    const { startId } = heart();
    const members = () => round.db.collection<{ _id: string; members: object }>('heartbeats').findOne({});
    expect(Object.keys((await members())!.members)).toEqual([startId]);
    await round.service.stop();
    expect((await members())!.members).toEqual({});
    await round.restart();
    expect(Object.keys((await members())!.members)).toEqual([heart().startId]);
  });
});
