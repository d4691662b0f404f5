import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { connect, dropDatabase, testDatabaseUri } from '../../world/database.js';
import { PlatformSimulator } from '../../world/platform/platform-simulator.js';
import { serviceEnvironment } from '../../world/service/service-environment.js';
import { ServiceProcess } from '../../world/service/service-process.js';

const MAIN = join(__dirname, '..', '..', '..', 'dist', 'main.js');
const { version } = jest.requireActual<{ version: string }>('../../../package.json');

describe('the built service, dist/main.js', () => {
  const uri = testDatabaseUri('smoke');
  let platform: PlatformSimulator;
  let service: ServiceProcess;

  beforeAll(async () => {
    await dropDatabase(uri);
    platform = await PlatformSimulator.start();
    service = await ServiceProcess.start(
      serviceEnvironment(platform, uri, { NODE_ENV: 'production', LOG_LEVEL: 'info', SWAGGER_ENABLED: 'true' }),
    );
    await service.waitReady();
  }, 30_000);

  afterAll(async () => {
    await service.stop();
    await platform.stop();
  });

  it('is alive and ready', async () => {
    const live = await fetch(`${service.url}/health`);
    expect([live.status, await live.json()]).toEqual([200, { status: 'ok' }]);
    const ready = await fetch(`${service.url}/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      expect.objectContaining({ status: 'ready', database: 'up' }),
    ]);
  });

  it('documents its API', async () => {
    const document = (await (await fetch(`${service.url}/api-json`)).json()) as {
      info: { version: string };
      paths: Record<string, unknown>;
    };
    expect(document.info.version).toBe(version);
    expect(Object.keys(document.paths)).toContain('/health/ready');
    expect((await fetch(`${service.url}/api`)).headers.get('content-type')).toContain('text/html');
  });

  it('has applied the migrations', async () => {
    const client = await connect(uri);
    const applied = await client.db().collection('changelog').countDocuments();
    await client.close();
    expect(applied).toBeGreaterThan(0);
  });

  it('writes nothing but JSON lines, and no secret into them', () => {
    expect(service.output).toEqual([]);
    expect(service.logs.length).toBeGreaterThan(0);
    const env = serviceEnvironment(platform, uri);
    expect(JSON.stringify(service.logs)).not.toContain(env['CORE_TOKEN']);
    expect(JSON.stringify(service.logs)).not.toContain(env['SECRETS_ENCRYPTION_KEY']);
  });

  it('stops in order on SIGTERM', async () => {
    const other = await ServiceProcess.start(serviceEnvironment(platform, uri, { LOG_LEVEL: 'info' }));
    await other.waitReady();
    expect(await other.stop()).toEqual({ code: 0, signal: null });
  });

  it('ends with exit code 1 and one list of every bad variable when the configuration is wrong', () => {
    const env = { PATH: process.env['PATH'], NODE_ENV: 'production', PORT: 'x', CORE_TOKEN: 'not-to-be-shown' };
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN], { env, encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).not.toContain('not-to-be-shown');
    const named = [...stderr.matchAll(/^ {2}- (\w+) /gm)].map(([, name]) => name);
    expect(named.sort()).toEqual(
      ['CORE_URL', 'EVENT_PUBLISHER_URL', 'MONGODB_URI', 'NLP_URL', 'PORT', 'SECRETS_ENCRYPTION_KEY'].sort(),
    );
  });
});
