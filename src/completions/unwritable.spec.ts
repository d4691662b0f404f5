import { endedSession } from '../../test/support/ended-session.js';
import { completionOf, plannedDeliveries } from './completion.js';
import { unwritableCompletion } from './unwritable.js';

describe('a completion that the database refuses', () => {
  it('is dead where it was pending, and stays cancelled where it was cancelled from the start', () => {
    const planned = { ...endedSession('s1', new Date(0)), destinations: ['flow:t1'], cancelled: ['webhook:1'] };
    const deliveries = plannedDeliveries(planned, { lease: 'l1', leaseUntil: new Date(9) });
    const completion = completionOf(planned, new Date(1), deliveries);
    const { open, deliveries: written } = unwritableCompletion(completion, new Error('too large'));
    expect(open).toBe(false);
    expect(written).toMatchObject([
      { destination: 'flow:t1', state: 'dead', reason: 'its outcome could not be written: too large' },
      { destination: 'webhook:1', state: 'cancelled', reason: 'the integration was disabled when the session ended' },
    ]);
  });
});
