import { intendedIn } from '../../world/record.js';
import { waitFor } from '../../support/wait-for.js';
import { ProcessRound, sessionsHeard } from '../fixtures/process.js';

jest.setTimeout(120_000);

const STOP_WITHIN_MS = 10_000;

describe('a service that gets SIGTERM', () => {
  let round: ProcessRound;

  beforeEach(async () => {
    round = await ProcessRound.start('process-stop', { SESSION_PAGE_SIZE: '20' });
    round.addTenant('t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  it('in the middle of a round ends in order; the next process makes the other deliveries, and none twice', async () => {
    const receiver = await round.addWebhook({ id: 1, organizationId: 'org-t1', tenants: ['t1'] });
    receiver.behave({ kind: 'delay', ms: 30 });
    const sessionIds = round.addSessions('t1', 150);
    const service = await round.spawn();
    await waitFor('the round to be under way', () => receiver.received.length >= 30, { timeoutMs: 30_000 });
    const tooLong = setTimeout(() => void service.kill(), STOP_WITHIN_MS);
    expect(await service.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    clearTimeout(tooLong);
    expect(receiver.received.length).toBeLessThan(150);
    // claims of attempts that had not started were given back: the next process does not wait for their lease
    const left = await round.completions.find({ open: true }).toArray();
    expect(await intendedIn(round.db)).toEqual([]);
    expect(left.flatMap(({ deliveries }) => deliveries.filter(({ token }) => token !== undefined))).toEqual([]);

    await round.spawn();
    await round.allSettled(150);
    const once = Array(150).fill(1);
    expect(sessionsHeard(receiver)).toEqual(sessionIds);
    expect(round.timesTold(sessionIds)).toEqual({ completed: once, triggered: once });
  });

  it('does not wait for a receiver that never answers; its delivery stays pending', async () => {
    const receiver = await round.addWebhook({ id: 1, organizationId: 'org-t1', tenants: ['t1'] });
    receiver.behave({ kind: 'hang' });
    round.addSessions('t1', 1);
    const service = await round.spawn({ WEBHOOK_TIMEOUT_MS: '60000' });
    await waitFor('the attempt', () => receiver.received.length === 1, { timeoutMs: 30_000 });
    const tooLong = setTimeout(() => void service.kill(), STOP_WITHIN_MS);
    expect(await service.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    clearTimeout(tooLong);
    const [completion] = await round.completions.find().toArray();
    expect(completion).toMatchObject({ completedAt: expect.any(Date), open: true });
    expect(completion!.deliveries.map(({ state }) => state)).toEqual(['delivered', 'delivered', 'pending']);
  });
});
