import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../../support/wait-for.js';
import { PlatformSimulator } from '../../world/platform/platform-simulator.js';
import { serviceEnvironment } from '../../world/service/service-environment.js';
import { ServiceProcess } from '../../world/service/service-process.js';

jest.setTimeout(120_000);

/** A busy machine takes its time to start a process. */
const ENDS_WITHIN_MS = 30_000;
const STARTING = 'the embedded database engine is being started';

describe('a service with an embedded engine', () => {
  const services: ServiceProcess[] = [];
  let platform: PlatformSimulator;
  let folder: string;

  beforeEach(async () => {
    platform = await PlatformSimulator.start();
    folder = mkdtempSync(join(tmpdir(), 'embedded-engine-'));
  });

  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.stop()));
    await platform.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startOn(directory: string): Promise<ServiceProcess> {
    const { MONGODB_URI: _none, ...env } = serviceEnvironment(platform, '', { LOG_LEVEL: 'info', LOG_FORMAT: 'json' });
    const service = await ServiceProcess.start({ ...env, EMBEDDED_MONGODB_DIR: directory });
    services.push(service);
    return service;
  }

  /** @returns what it wrote besides log lines */
  async function expectRefused(service: ServiceProcess): Promise<string[]> {
    await waitFor('the service to end', () => !service.running, { timeoutMs: ENDS_WITHIN_MS });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    await waitFor('the reason', () => service.output.length > 0);
    return service.output;
  }

  it.each([
    ['is a file', () => join(folder, 'file'), 'Not a directory'],
    ['is below a file', () => join(folder, 'file', 'mongodb'), 'Not a directory'],
    ['cannot be made', () => '/proc/hbf-session-manager', ''],
  ])('ends with exit code 1 and one line that says why when its folder %s', async (_name, directoryOf, reason) => {
    const directory = directoryOf();
    writeFileSync(join(folder, 'file'), '');
    const service = await startOn(directory);
    expect(await expectRefused(service)).toEqual([
      expect.stringMatching(new RegExp(`EMBEDDED_MONGODB_DIR \\(${directory}\\): .*${reason}.*MONGODB_URI`)),
    ]);
  });

  it('ends with exit code 1 when another service uses its folder, which goes on', async () => {
    const first = await startOn(folder);
    await first.waitReady();
    const second = await startOn(folder);
    expect(await expectRefused(second)).toEqual([
      expect.stringContaining(`EMBEDDED_MONGODB_DIR (${folder}): another process uses it`),
    ]);
    expect((await fetch(`${first.url}/health/ready`)).status).toBe(200);
    expect(await first.stop()).toEqual({ code: 0, signal: null });
  });

  it('ends in order on SIGTERM while it waits for a folder that is in use', async () => {
    const first = await startOn(folder);
    await first.waitReady();
    const second = await startOn(folder);
    await waitFor('the start of its engine', () => second.logged(STARTING).length > 0, { timeoutMs: ENDS_WITHIN_MS });
    expect(await second.stop()).toEqual({ code: 0, signal: null });
    expect(second.output).toEqual([]);
  });

  it('that was killed starts again at once on the same folder', async () => {
    const first = await startOn(folder);
    await first.waitReady();
    await first.kill();
    await (await startOn(folder)).waitReady();
  });
});
