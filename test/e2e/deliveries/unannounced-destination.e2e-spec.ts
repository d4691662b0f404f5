import type { Destination } from '../../../src/completions/destination.schema.js';
import { Round } from '../fixtures/round.js';
import { HOUR_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';

describe('a destination whose due time a killed process did not announce', () => {
  it('is found by the next process at its start, which makes its deliveries', async () => {
    const round = await Round.start('unannounced-destination', { DELIVERY_RETRY_SCHEDULE: '1h' });
    round.addTenant('t1');
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'status', status: 503 });
    round.addSession('t1', 20);
    await round.check();
    const failedOnce = {
      deliveries: { $elemMatch: { destination: 'webhook:1', state: 'pending' as const, attempts: 1 } },
    };
    await waitFor('the first failure', () => round.completions.findOne(failedOnce));
    await round.service.stop();
    // what a kill between the write of the due time and its announcement leaves behind
    const destinations = round.db.collection<Destination>('destinations');
    await destinations.updateOne({ _id: 'webhook:1' }, { $unset: { nextDueAt: 1 } });
    await round.age(2 * HOUR_MS); // the schedule's hour may be a fifth longer

    receiver.behave({ kind: 'ok' });
    await round.restart();
    await round.allSettled();
    expect(receiver.accepted).toHaveLength(1);
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });
});
