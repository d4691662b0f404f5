import { OutcomeWriter } from '../../src/deliveries/outcome-writer.js';
import { detectedIn, detectionsOf } from '../support/completions.js';
import { startService } from '../support/service-in-process.js';
import { waitFor } from '../support/wait-for.js';
import { addSessions, deliveryOf, deliveryWhen, HoldingReceiver, letTimePass } from './deliveries.fixture.js';
import { Round } from './round.fixture.js';

jest.setTimeout(30_000);

describe('claims', () => {
  let round: Round;
  let receiver: HoldingReceiver;

  beforeEach(async () => {
    round = await Round.start('deliveries-leases');
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

  it('that passed to another let no late outcome in', async () => {
    const sessionId = round.addSession('t1', 20);
    await round.check();
    await deliveryWhen(round, [sessionId, 'webhook:1'], ({ token }) => token !== undefined);
    const another = { 'deliveries.$[hook].token': 'of-another', 'deliveries.$[hook].claims': 2 };
    await round.completions.updateOne({ _id: sessionId }, { $set: another }, { arrayFilters: [{ 'hook.channel': 'webhook' }] }); // prettier-ignore
    receiver.release();
    await waitFor('the outcome to be lost', () => lost() === 1);

    const completion = (await round.all()).get(sessionId)!;
    expect(deliveryOf(completion, 'webhook:1')).toMatchObject({ state: 'owed', token: 'of-another', claims: 2, attempts: 0 }); // prettier-ignore
    expect(deliveryOf(completion, 'flow').state).toBe('delivered');
    expect(completion.open).toBe(true);
  });

  it('of a whole completion that passed to another: who writes first outcomes first is believed', async () => {
    const sessionId = round.addSession('t1', 20);
    const another = { lease: 'of-another', leaseUntil: new Date(Date.now() + 60_000) };
    const forget = round.core.server.onBefore('PATCH /chat-sessions/batch/complete', async () => {
      await detectionsOf(round.db).updateOne({ 'completions._id': sessionId }, { $set: another });
    });
    receiver.release();
    await round.check();
    forget();
    await waitFor('the first outcomes', async () => (await round.completions.countDocuments({ open: false })) === 1);
    expect(await detectedIn(round.db)).toMatchObject([{ _id: sessionId, lease: 'of-another' }]);

    await letTimePass(round.db);
    expect(await round.check()).toMatchObject({ recovered: 0, completed: 0 });
    expect((await round.allPaid()).get(sessionId)).toMatchObject({ state: 'completed', open: false });
    expect(receiver.webhookIds).toHaveLength(1);
    expect(lost()).toBe(0);
  });

  it('are given back when the service stops, and what runs is finished', async () => {
    const sessionIds = addSessions(round, 't1', 12);
    await round.check();
    await waitFor('attempts to be under way', () => receiver.webhookIds.length > 0);
    const stopping = round.service.stop();
    receiver.release();
    await stopping;

    const webhooks = [...(await round.all()).values()].map((one) => deliveryOf(one, 'webhook:1'));
    const delivered = webhooks.filter(({ state }) => state === 'delivered');
    const owed = webhooks.filter(({ state }) => state === 'owed');
    expect(delivered).toHaveLength(receiver.webhookIds.length);
    expect(owed).toHaveLength(12 - delivered.length);
    expect(owed.length).toBeGreaterThan(0);
    for (const one of owed) {
      expect(one).toMatchObject({ claims: 0, attempts: 0, dueAt: expect.any(Date) });
      expect(one.token).toBeUndefined();
      expect(one.dueAt!.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
    }

    round.service = await startService(round.env);
    await round.allPaid();
    expect([...receiver.webhookIds].sort()).toEqual(sessionIds.map((id) => `${id}:1`).sort());
  });
});
