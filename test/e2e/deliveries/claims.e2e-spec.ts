import { OutcomeWriter } from '../../../src/completions/outcome-writer.js';
import { intendedIn, intentsOf } from '../../world/record.js';
import { startService } from '../../world/service/service-in-process.js';
import { waitFor } from '../../support/wait-for.js';
import { LEASE_PASSES_MS } from '../../support/time-machine.js';
import { addSessions, deliveryOf, HoldingReceiver } from '../fixtures/deliveries.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000);

describe('the claim of a delivery', () => {
  let round: Round;
  let receiver: HoldingReceiver;

  beforeEach(async () => {
    round = await Round.start('deliveries-claims');
    round.addTenant('t1');
    receiver = await HoldingReceiver.start();
    await round.addWebhook('t1', { url: receiver.url });
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
    await receiver.stop();
  });

  const lost = () => round.service.get(OutcomeWriter).lost;

  it('lets no late outcome be written once another process has claimed the delivery', async () => {
    const sessionId = round.addSession('t1', 20);
    await round.check();
    await waitFor('the completion', () => round.completions.findOne({ _id: sessionId }));
    const another = { 'deliveries.$[hook].token': 'of-another', 'deliveries.$[hook].claims': 2 };
    await round.completions.updateOne({ _id: sessionId }, { $set: another }, { arrayFilters: [{ 'hook.destination': 'webhook:1' }] }); // prettier-ignore
    receiver.release();
    await waitFor('the outcome to be lost', () => lost() === 1);

    const completion = (await round.all()).get(sessionId)!;
    expect(deliveryOf(completion, 'webhook:1')).toMatchObject({ state: 'pending', token: 'of-another', claims: 2, attempts: 0 }); // prettier-ignore
    expect(deliveryOf(completion, 'flow:t1').state).toBe('delivered');
    expect(completion).toMatchObject({ open: true });
  });

  it('of an intent that passed to another process is void: the first outcomes that are written count', async () => {
    const sessionId = round.addSession('t1', 20);
    const another = { lease: 'of-another', leaseUntil: new Date(Date.now() + 60_000) };
    const forget = round.core.server.onBefore('PATCH /chat-sessions/batch/complete', async () => {
      await intentsOf(round.db).updateOne({ 'completions._id': sessionId }, { $set: another });
    });
    receiver.release();
    await round.check();
    forget();
    await waitFor('the first outcomes', async () => (await round.completions.countDocuments({ open: false })) === 1);
    expect(await intendedIn(round.db)).toMatchObject([{ _id: sessionId, lease: 'of-another' }]);

    await round.age(LEASE_PASSES_MS);
    expect(await round.check()).toMatchObject({ recovered: 0, completed: 0 });
    expect((await round.allSettled()).get(sessionId)).toMatchObject({ completedAt: expect.any(Date), open: false });
    expect(receiver.webhookIds).toHaveLength(1);
    expect(lost()).toBe(0);
  });

  it('is given back when the service stops, after the attempts under way have ended', async () => {
    const sessionIds = addSessions(round, 't1', 12);
    await round.check();
    await waitFor('attempts to be under way', () => receiver.webhookIds.length > 0);
    const stopping = round.service.stop();
    receiver.release();
    await stopping;

    const webhooks = [...(await round.all()).values()].map((one) => deliveryOf(one, 'webhook:1'));
    const delivered = webhooks.filter(({ state }) => state === 'delivered');
    const pending = webhooks.filter(({ state }) => state === 'pending');
    expect(delivered).toHaveLength(receiver.webhookIds.length);
    expect(pending).toHaveLength(12 - delivered.length);
    expect(pending.length).toBeGreaterThan(0);
    for (const one of pending) {
      expect(one).toMatchObject({ claims: 0, attempts: 0, dueAt: expect.any(Date) });
      expect(one.token).toBeUndefined();
      expect(one.dueAt!.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
    }

    round.service = await startService(round.env);
    await round.allSettled();
    expect([...receiver.webhookIds].sort()).toEqual(sessionIds.map((id) => `${id}:1`).sort());
  });
});
