import type { RedeliveryResource } from '../../../src/api/redeliveries.dto.js';
import { LEASE_PASSES_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';
import { completionOf, deliveryTo } from '../fixtures/completions.js';
import { ProcessRound, sessionsHeard } from '../fixtures/process.js';

jest.setTimeout(120_000);

const ADMIN = 'token-of-an-admin';
const COUNT = 450;

it('a redelivery whose process is killed in the middle is gone on with by the next one, and loses none', async () => {
  const round = await ProcessRound.start('redelivery-killed', { CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0' });
  round.addTenant('t1');
  round.platform.core.addUser({ token: ADMIN, id: 'ada', organizationRoles: { 'org-t1': ['HBF_ORG_ADMIN'] } });
  const receiver = await round.addWebhook({ id: 1, organizationId: 'org-t1', tenants: ['t1'] });
  const ids = Array.from({ length: COUNT }, (_, n) => `dead-${String(n).padStart(3, '0')}`);
  for (const id of ids) round.platform.core.addSession({ tenantId: 't1', id, status: 'COMPLETED' });
  let service = await round.spawn();
  await service.waitReady();
  await round.completions.insertMany(
    ids.map((id) => completionOf(id, { deliveries: [deliveryTo('webhook:1', { state: 'dead', attempts: 10 })] })),
  );
  const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`${service.url}/organizations/org-t1/redeliveries${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    return (await response.json()) as T;
  };
  const { id, matched } = await call<RedeliveryResource>('POST', '', { since: '2020-01-01T00:00:00Z' });
  expect(matched).toBe(COUNT);
  await waitFor('some of them', () => receiver.received.length >= 60);
  await service.kill();
  await service.exited;
  const before = sessionsHeard(receiver);
  expect(before.length).toBeLessThan(COUNT);

  await round.age(LEASE_PASSES_MS);
  service = await round.spawn();
  await service.waitReady();
  const ended = await waitFor(
    'the rest',
    async () => {
      const now = await call<RedeliveryResource>('GET', `/${id}`);
      return now.state === 'done' && now.pending === 0 ? now : undefined;
    },
    { timeoutMs: 60_000 },
  );
  expect(ended).toMatchObject({ matched: COUNT, queued: COUNT, delivered: COUNT });
  const heard = sessionsHeard(receiver);
  expect([...new Set(heard)]).toEqual(ids);
  // only what was under way at the kill may come again
  const twice = heard.filter((one, index) => heard.indexOf(one) !== index);
  expect(twice.filter((one) => !before.includes(one))).toEqual([]);
  expect(round.platform.violations).toEqual([]);
  await round.stop();
});
