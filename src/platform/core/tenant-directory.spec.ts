import { stubOf } from '../../../test/support/stub.js';
import type { Page } from '../page.js';
import { PlatformError } from '../platform-error.js';
import { CoreClient, type TenantParts } from './core.client.js';
import { TenantDirectory } from './tenant-directory.js';
import { readTenant, type Tenant } from './tenant.dto.js';

const AWAY = new PlatformError({ service: 'hbf-core', route: '/tenants', kind: 'unauthorized', code: 'http_401' });

/** hbf-core with tenants, of which each list is noted. */
class Core {
  owners = new Map([['t1', 'o1']]);
  unreadable: string[] = [];
  away = false;
  readonly lists: TenantParts[] = [];
  underWay = 0;
  peak = 0;
  readonly directory = new TenantDirectory(
    stubOf(CoreClient, { listTenants: (page, _size, parts = 'whole') => this.list(page, parts) }),
  );

  private async list(page: number, parts: TenantParts): Promise<Page<Tenant>> {
    if (page === 0) this.lists.push(parts);
    this.peak = Math.max(this.peak, ++this.underWay);
    await new Promise((done) => setImmediate(done));
    this.underWay--;
    if (this.away) throw AWAY;
    if (page > 0) return { items: [], rejected: [], count: 0 };
    const plugins = parts === 'whole' ? [{ category: 'CRM' }] : undefined;
    const items = [...this.owners].map(([id, organizationId]) => readTenant({ id, organizationId, plugins }));
    return { items, rejected: this.unreadable.map((id) => ({ id, problem: 'x' })), count: items.length };
  }
}

describe('TenantDirectory', () => {
  let core: Core;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    core = new Core();
  });
  afterEach(() => jest.useRealTimers());

  const settle = () => new Promise((done) => setImmediate(() => setImmediate(() => setImmediate(done))));

  it('lists once for all that ask, one list at a time, and nothing while nobody asks', async () => {
    await Promise.all(Array.from({ length: 50 }, () => core.directory.present('t1')));
    await Promise.all([core.directory.refresh(), core.directory.present('t1'), core.directory.refresh()]);
    jest.advanceTimersByTime(3_600_000);
    expect(core.lists).toEqual(['whole', 'whole']);
    expect(core.peak).toBe(1);
  });

  it('tells the organization as of the last minute, without listing settings and plugins again', async () => {
    await core.directory.present('t1');
    core.owners.set('t1', 'o2');
    jest.advanceTimersByTime(60_000);
    expect(await core.directory.present('t1')).toMatchObject({ organizationId: 'o2', hasCrm: true });
    expect(await core.directory.find('o1', 't1')).toBeUndefined();
    core.owners.delete('t1');
    jest.advanceTimersByTime(60_000);
    expect(await core.directory.present('t1')).toBeUndefined();
    expect(core.lists).toEqual(['whole', 'brief', 'brief']);
  });

  it('lists again in the background before the minute is over', async () => {
    await core.directory.present('t1');
    core.owners.set('t1', 'o2');
    jest.advanceTimersByTime(31_000);
    expect(await core.directory.present('t1')).toMatchObject({ organizationId: 'o1' });
    await settle();
    expect(await core.directory.present('t1')).toMatchObject({ organizationId: 'o2' });
  });

  it('lists settings and plugins for a tenant that is new, and after ten minutes', async () => {
    await core.directory.present('t1');
    core.owners.set('t2', 'o2');
    jest.advanceTimersByTime(60_000);
    expect(await core.directory.present('t2')).toMatchObject({ organizationId: 'o2', hasCrm: true });
    expect(core.lists).toEqual(['whole', 'brief', 'whole']);
    jest.advanceTimersByTime(600_000);
    await core.directory.present('t1');
    expect(core.lists).toHaveLength(4);
    expect(core.lists.at(-1)).toBe('whole');
  });

  it('says that nothing is known where the list fails or the tenant cannot be read, and asks again', async () => {
    await core.directory.present('t1');
    core.away = true;
    jest.advanceTimersByTime(60_000);
    await expect(core.directory.present('t1')).rejects.toBe(AWAY);
    await expect(core.directory.present('t1')).rejects.toBe(AWAY);
    expect(core.lists).toHaveLength(2); // not for each that asks
    core.away = false;
    jest.advanceTimersByTime(5_000);
    expect(await core.directory.present('t1')).toMatchObject({ organizationId: 'o1' });
    core.owners.delete('t1');
    core.unreadable = ['t1'];
    jest.advanceTimersByTime(60_000);
    await expect(core.directory.present('t1')).rejects.toMatchObject({ kind: 'shape', code: 'unreadable_tenant' });
  });
});
