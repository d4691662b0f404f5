import { stubOf } from '../../../test/support/stub.js';
import { RecentTenants } from './recent-tenants.js';
import { TenantDirectory } from './tenant-directory.js';
import type { Tenant } from './tenant.dto.js';

const tenant = (id: string, displayName?: unknown): Tenant => ({
  id,
  organizationId: 'org1',
  expireAfterSeconds: 600,
  analyzesSessions: false,
  hasCrm: false,
  publicFields: { displayName, image: 'x'.repeat(1_000) },
});
const shown = (id: string) => ({ id, expireAfterSeconds: 600, unreadable: undefined });

function directory(listed: () => Promise<Tenant[]>, recent?: Tenant[]) {
  const asked: string[] = [];
  const listOf = (organizationId: string) => {
    asked.push(organizationId);
    return listed();
  };
  return { asked, tenants: new RecentTenants(stubOf(TenantDirectory, { listOf, recentOf: () => recent })) };
}

describe('the recent tenants of an organization', () => {
  it('are those of the list of all that a check has read within a minute', async () => {
    const { asked, tenants } = directory(() => Promise.reject(new Error('asked')), [tenant('t1', 'One')]);
    expect(await tenants.of('org1')).toEqual([{ ...shown('t1'), displayName: 'One' }]);
    expect(asked).toEqual([]);
  });

  it('are else asked for once a minute, however many want them', async () => {
    const now = jest.spyOn(performance, 'now').mockReturnValue(0);
    const { asked, tenants } = directory(() => Promise.resolve([tenant('t1'), tenant('t2', 7)]));
    const lists = await Promise.all([tenants.of('org1'), tenants.of('org1')]);
    expect(lists).toEqual([[shown('t1'), shown('t2')], lists[0]]);
    now.mockReturnValue(59_999);
    await tenants.of('org1');
    expect(asked).toEqual(['org1']);
    now.mockReturnValue(60_000);
    await tenants.of('org1');
    expect(asked).toEqual(['org1', 'org1']);
    now.mockRestore();
  });

  it('are asked for again after hbf-core has failed', async () => {
    let away = true;
    const { tenants } = directory(() => (away ? Promise.reject(new Error('away')) : Promise.resolve([tenant('t1')])));
    await expect(tenants.of('org1')).rejects.toThrow('away');
    away = false;
    expect(await tenants.of('org1')).toEqual([shown('t1')]);
  });
});
