import type { Destination } from '../../src/deliveries/destination.repository.js';
import { Round } from './round.fixture.js';
import { restart } from './session-check.fixture.js';
import { waitFor } from '../support/wait-for.js';

describe('a destination that a killed process did not announce', () => {
  it('is found by the next process when it starts, and is paid', async () => {
    const round = await Round.start('deliveries-forgotten', { DELIVERY_RETRY_SCHEDULE: '1h' });
    round.addTenant('t1');
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'status', status: 503 });
    round.addSession('t1', 20);
    await round.check();
    const owed = { deliveries: { $elemMatch: { destination: 'webhook:1', state: 'owed' as const, attempts: 1 } } };
    await waitFor('the first failure', () => round.completions.findOne(owed));
    await round.service.stop();
    // what a kill between the write of the due time and its announcement leaves behind
    const destinations = round.db.collection<Destination>('destinations');
    await destinations.updateOne({ _id: 'webhook:1' }, { $unset: { nextDueAt: 1 } });
    await round.completions.updateOne(owed, { $set: { 'deliveries.$.dueAt': new Date() } });

    receiver.behave({ kind: 'ok' });
    await restart(round);
    await round.allPaid();
    expect(receiver.accepted).toHaveLength(1);
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });
});
