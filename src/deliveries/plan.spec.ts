import type { Integration } from '../integrations/integration.schema.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { planDeliveries } from './plan.js';

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

function destinations(containsUserInteraction: boolean, of: Tenant, integrations: Integration[] = []): string[] {
  return planDeliveries({ containsUserInteraction }, of, integrations).deliveries.map(({ destination }) => destination);
}

describe('planDeliveries', () => {
  it('owes flows and surveys for every session', () => {
    expect(destinations(false, { ...tenant, analyzesSessions: false })).toEqual(['flow', 'surveys']);
  });

  it('owes an analysis only where the tenant wants it and a user took part', () => {
    expect(destinations(true, tenant)).toEqual(['flow', 'surveys', 'analysis']);
    expect(destinations(false, tenant)).not.toContain('analysis');
    expect(destinations(true, { ...tenant, analyzesSessions: false })).not.toContain('analysis');
  });

  it("owes a webhook to each integration of the tenant's organization, and names the others", () => {
    const integrations = [integration(1), integration(2, 'another'), integration(3)];
    const { deliveries, leftOut } = planDeliveries({ containsUserInteraction: false }, tenant, integrations);
    expect(deliveries.slice(2)).toEqual([
      expect.objectContaining({ destination: 'webhook:1', channel: 'webhook', integrationId: 1, state: 'owed' }),
      expect.objectContaining({ destination: 'webhook:3', channel: 'webhook', integrationId: 3, state: 'owed' }),
    ]);
    expect(leftOut).toEqual([{ integrationId: 2, reason: 'the tenant belongs to another organization' }]);
  });

  it('gives deliveries that the sessions of a page can share', () => {
    const { deliveries } = planDeliveries({ containsUserInteraction: true }, tenant, [integration(1)]);
    expect(deliveries).toHaveLength(4);
    for (const delivery of deliveries) expect(() => (delivery.attempts = 1)).toThrow(TypeError);
  });

  it('owes nothing twice, and nothing is due yet', () => {
    const { deliveries } = planDeliveries({ containsUserInteraction: true }, tenant, [integration(1), integration(2)]);
    const names = deliveries.map(({ destination }) => destination);
    expect(new Set(names).size).toBe(names.length);
    for (const delivery of deliveries) expect(delivery.dueAt).toBeUndefined();
  });
});
