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
});
