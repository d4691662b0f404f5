import { stubOf } from '../../../test/support/stub.js';
import { CoreClient } from './core.client.js';
import { OrganizationTenants } from './organization-tenants.js';

it('an organization has all its tenants where hbf-core gives fewer on a page than asked for', async () => {
  const all = Array.from({ length: 7 }, (_, n) => `t${n}`);
  const core = stubOf(CoreClient, {
    listTenantIds: (_orgId, page, pageSize) => {
      const items = all.slice(page * pageSize).slice(0, 3);
      return Promise.resolve({ items, rejected: [], count: items.length, total: undefined });
    },
  });
  expect(await new OrganizationTenants(core).foreignOf('org1', [...all, 'other'])).toEqual(['other']);
});
