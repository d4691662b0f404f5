import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect, dropDatabase, testDatabaseUri } from '../../world/database.js';
import { NOWHERE } from '../../support/ports.js';

const ROOT = join(__dirname, '..', '..', '..');
const MIGRATIONS = readdirSync(join(ROOT, 'migrations')).sort();

/** `npm run migrate` with this environment and nothing of our own. */
async function migrate(env: Record<string, string>): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'dist', 'migrate.js')], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...env },
  });
  const [[code], out, err] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]);
  return { code: code as number, out, err };
}

describe('npm run migrate', () => {
  const uri = testDatabaseUri('smoke-migrate');
  beforeEach(() => dropDatabase(uri));

  async function changelog(): Promise<unknown[]> {
    const client = await connect(uri);
    const entries = await client.db().collection('changelog').find().sort({ fileName: 1 }).toArray();
    await client.close();
    return entries.map(({ fileName }) => fileName as unknown);
  }

  it('applies the pending migrations, with MONGODB_URI alone, and nothing the second time', async () => {
    const first = await migrate({ MONGODB_URI: uri });
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out).toContain('migrations applied');
    expect(await changelog()).toEqual(MIGRATIONS);
    const second = await migrate({ MONGODB_URI: uri });
    expect(second.code).toBe(0);
    expect(second.out).not.toContain('migrations applied');
  }, 30_000);

  it('may run several times at once: each migration is applied once', async () => {
    const runs = await Promise.all([1, 2, 3].map(() => migrate({ MONGODB_URI: uri })));
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(await changelog()).toEqual(MIGRATIONS);
  }, 30_000);

  it('fails, and does not wait, when the database is away; the password is not shown', async () => {
    const away = `mongodb://user:pass-word@${new URL(NOWHERE).host}/x?directConnection=true`;
    const { code, out, err } = await migrate({ MONGODB_URI: away });
    expect(code).toBe(1);
    expect(err).toMatch(/ECONNREFUSED/);
    expect(out + err).not.toContain('pass-word');
  }, 30_000);

  it('fails without MONGODB_URI', async () => {
    const { code, err } = await migrate({});
    expect(code).toBe(1);
    expect(err).toMatch(/MONGODB_URI is required/);
  });
});
