import { stubOf } from '../../test/support/stub.js';
import { CoreClient } from '../platform/core/core.client.js';
import { PlatformError } from '../platform/platform-error.js';
import { CoreGuard } from './core-guard.js';

const ERROR = new PlatformError({ service: 'hbf-core', route: '/chat-sessions', kind: 'failed', code: 'http_500' });

describe('CoreGuard', () => {
  let asked: number;
  let answers: boolean;
  let guard: CoreGuard;

  beforeEach(() => {
    asked = 0;
    answers = true;
    const listTenants = () => {
      asked++;
      return answers ? Promise.resolve({ items: [], rejected: [], count: 0 }) : Promise.reject(ERROR);
    };
    guard = new CoreGuard(stubOf(CoreClient, { listTenants }));
  });

  const failLists = async (count: number, tenant = (n: number) => `t${n}`) => {
    for (let n = 0; n < count; n++) await guard.listFailed(tenant(n), ERROR);
  };

  it('takes tenants whose lists fail for their own trouble while a neutral question is answered', async () => {
    await failLists(49);
    expect(guard.away).toBeUndefined();
    expect(asked).toBe(16);
  });

  it('gives up when the neutral question fails, too, after three lists that failed in a row', async () => {
    answers = false;
    await failLists(2);
    guard.listed('t9');
    await failLists(2);
    expect(guard.away).toBeUndefined();
    await failLists(1);
    expect(guard.away).toBe(ERROR);
  });

  it('gives up when none of the last fifty lists, over twenty tenants, succeeded', async () => {
    await failLists(50, (n) => `t${n % 19}`);
    expect(guard.away).toBeUndefined();
    await failLists(50, (n) => `t${n % 20}`);
    expect(guard.away).toBe(ERROR);
  });

  it('goes on while one of the last fifty succeeded', async () => {
    await failLists(30);
    guard.listed('t1');
    await failLists(49);
    expect(guard.away).toBeUndefined();
  });

  it('gives up when three batches in a row cannot be completed, and at once when the database fails', () => {
    guard.completionFailed(ERROR);
    guard.completionFailed(ERROR);
    guard.completed();
    guard.completionFailed(ERROR);
    guard.completionFailed(ERROR);
    expect(guard.away).toBeUndefined();
    guard.completionFailed(ERROR);
    expect(guard.away).toBe(ERROR);
    const other = new CoreGuard(stubOf(CoreClient, {}));
    other.completionFailed(new Error('the database is away'));
    expect(other.away?.message).toBe('the database is away');
  });
});
