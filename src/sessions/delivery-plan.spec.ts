import fc from 'fast-check';
import { completionOf, plannedDeliveries } from '../completions/completion.js';
import { endedSession } from '../../test/support/ended-session.js';
import type { Integration } from '../integrations/integration.schema.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { planDeliveries } from './delivery-plan.js';

const tenant: Tenant = {
  id: 't1',
  organizationId: 'org1',
  expireAfterSeconds: undefined,
  analyzesSessions: true,
  hasCrm: false,
  publicFields: {},
};

function integration(id: number, organizationId = 'org1'): Integration {
  const now = new Date();
  return {
    id,
    organizationId,
    url: 'https://customer.example.com',
    tenants: ['t1'],
    headers: [],
    enabled: true,
    errorEmailRecipients: [],
    createdAt: now,
    createdBy: 'a',
    modifiedAt: now,
    modifiedBy: 'a',
    signingSecrets: [],
    version: 1,
  };
}

function destinations(containsUserInteraction: boolean, of: Tenant): readonly string[] {
  return planDeliveries({ containsUserInteraction }, of, []).destinations;
}

describe('planDeliveries', () => {
  it('has flows and surveys for every session', () => {
    expect(destinations(false, { ...tenant, analyzesSessions: false })).toEqual(['flow:t1', 'surveys:t1']);
  });

  it('has an analysis only where the tenant wants it and a user took part', () => {
    expect(destinations(true, tenant)).toEqual(['flow:t1', 'surveys:t1', 'analysis:t1']);
    expect(destinations(false, tenant)).not.toContain('analysis:t1');
    expect(destinations(true, { ...tenant, analyzesSessions: false })).not.toContain('analysis:t1');
  });

  it("has a webhook for each integration of the tenant's organization, and names the others", () => {
    const integrations = [integration(1), integration(2, 'another'), integration(3)];
    const plan = planDeliveries({ containsUserInteraction: false }, tenant, integrations);
    expect(plan.destinations).toEqual(['flow:t1', 'surveys:t1', 'webhook:1', 'webhook:3']);
    expect(plan.leftOut).toEqual([{ integrationId: 2, reason: 'the tenant belongs to another organization' }]);
  });

  it("cancels the webhooks of disabled integrations from the start, of the tenant's organization alone", () => {
    const disabled = { organizationId: 'org1', ids: [9, 4], more: true };
    const plan = planDeliveries({ containsUserInteraction: false }, tenant, [integration(1)], disabled);
    expect(plan).toEqual({
      destinations: ['flow:t1', 'surveys:t1', 'webhook:1'],
      cancelled: ['webhook:9', 'webhook:4'],
      leftOut: [],
    });
    const moved = { ...tenant, organizationId: 'org2' };
    expect(planDeliveries({ containsUserInteraction: false }, moved, [], disabled).cancelled).toBeUndefined();
    expect(planDeliveries({ containsUserInteraction: false }, tenant, []).cancelled).toBeUndefined();
  });

  it('has each integration of the organization once: to be sent where it is enabled, else cancelled', () => {
    const organizations = fc.constantFrom('org1', 'org2');
    const ids = fc.uniqueArray(fc.record({ id: fc.nat(50), enabled: fc.boolean(), organizationId: organizations }), {
      selector: ({ id }) => id,
    });
    fc.assert(
      fc.property(ids, organizations, fc.boolean(), (all, organizationId, userTookPart) => {
        const own = all.filter((one) => one.organizationId === organizationId);
        const enabled = all.filter((one) => one.enabled).map((one) => integration(one.id, one.organizationId));
        const off = all.filter((one) => !one.enabled && one.organizationId === 'org1').map(({ id }) => id);
        const plan = planDeliveries(
          { containsUserInteraction: userTookPart },
          { ...tenant, organizationId },
          enabled,
          off.length > 0 ? { organizationId: 'org1', ids: off, more: false } : undefined,
        );
        const planned = { ...endedSession('s1', new Date(0)), ...plan };
        const deliveries = plannedDeliveries(planned, { lease: 'l1', leaseUntil: new Date(9) });
        const webhooks = deliveries.filter(({ destination }) => destination.startsWith('webhook:'));
        const expected = own.filter((one) => one.enabled || organizationId === 'org1');
        expect(webhooks.map(({ destination }) => destination).sort()).toEqual(
          expected.map(({ id }) => `webhook:${id}`).sort(),
        );
        for (const { id, enabled: is } of expected) {
          const { state } = webhooks.find(({ destination }) => destination === `webhook:${id}`)!;
          expect(state).toBe(is ? 'pending' : 'cancelled');
        }
        for (const one of deliveries) expect('dueAt' in one && 'token' in one).toBe(one.state === 'pending');
      }),
    );
  });

  it('makes a completion that is not open because of what is cancelled, and keeps nothing else of the plan', () => {
    const planned = { ...endedSession('s1', new Date(0)), destinations: [], cancelled: ['webhook:1'] };
    const deliveries = plannedDeliveries(planned, { lease: 'l1', leaseUntil: new Date(9) });
    const reason = 'the integration was disabled when the session ended';
    const listed = ['cancelled', 'cancelled:webhook'];
    expect(completionOf(planned, new Date(1), deliveries)).toEqual({
      ...endedSession('s1', new Date(0)),
      completedAt: new Date(1),
      open: false,
      deliveries: [{ destination: 'webhook:1', listed, state: 'cancelled', reason, claims: 0, attempts: 0, log: [] }],
    });
  });
});
