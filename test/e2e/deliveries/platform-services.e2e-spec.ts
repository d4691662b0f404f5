import type { Delivery } from '../../../src/completions/delivery.js';
import { waitFor } from '../../support/wait-for.js';
import { addSessions, deliveryWhen } from '../fixtures/deliveries.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(60_000); // a busy machine must not fail it

const PUBLISHER = { service: 'hbf-event-publisher', route: 'POST /connectors/flows:trigger' } as const;

describe('deliveries to the services of the platform', () => {
  let round: Round;

  const start = async (env: Record<string, string> = {}) => {
    round = await Round.start('platform-services', env);
    round.addTenant('t1', { summarizes: true });
  };

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  it('of one tenant that hang leave those of another tenant alone', async () => {
    await start({ SESSION_SERVICE_REQUEST_TIMEOUT: '300', DELIVERY_RETRY_SCHEDULE: '1h' }); // prettier-ignore
    round.addTenant('t2');
    round.platform.fault({ ...PUBLISHER, kind: 'hang', when: ({ query }) => query.get('tenantId') === 't1' });
    const hanging = addSessions(round, 't1', 8);
    await round.check();
    const failed = ({ attempts }: Delivery) => attempts > 0;
    await Promise.all(hanging.slice(0, 6).map((id) => deliveryWhen(round, [id, 'flow:t1'], failed)));

    const others = addSessions(round, 't2', 10);
    await round.check();
    const triggered = () => others.every((id) => round.platform.publisher.triggersOf(id).length === 1);
    await waitFor("the other tenant's flows", triggered, { timeoutMs: 10_000 });
  });
});
