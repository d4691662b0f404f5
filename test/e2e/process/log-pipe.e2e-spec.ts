import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dropDatabase, testDatabaseUri } from '../../world/database.js';
import { waitFor } from '../../support/wait-for.js';
import { PlatformSimulator } from '../../world/platform/platform-simulator.js';
import { serviceEnvironment } from '../../world/service/service-environment.js';
import { ServiceProcess, type ServiceProcessOptions } from '../../world/service/service-process.js';

jest.setTimeout(120_000);

const STOP_WITHIN_MS = 12_000;
const ANSWERED_WITHIN_MS = 10_000;
/** Each request leaves a log line of over 8 KB: 800 KB are more than a pipe (64 KB) or a socket (208 KB) holds. */
const REQUESTS = 100;
const LONG = 'x'.repeat(8_000);

describe('a service whose log nobody reads', () => {
  const uri = testDatabaseUri('log-pipe');
  let platform: PlatformSimulator;
  let folder: string;
  let service: ServiceProcess | undefined;
  let pipe: number | undefined;

  beforeEach(async () => {
    await dropDatabase(uri);
    platform = await PlatformSimulator.start();
    folder = mkdtempSync(join(tmpdir(), 'log-pipe-'));
  });

  afterEach(async () => {
    await service?.kill();
    await platform.stop();
    if (pipe !== undefined) closeSync(pipe);
    pipe = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(env: Record<string, string>, options: ServiceProcessOptions = {}): Promise<ServiceProcess> {
    const settings = { LOG_LEVEL: 'info', LOG_FORMAT: 'json', ...env };
    service = await ServiceProcess.start(serviceEnvironment(platform, uri, settings), options);
    await service.waitReady();
    return service;
  }

  /** Makes it write more than the pipe holds. @returns the answers' statuses, or what became of the requests */
  function makeItLog({ url }: ServiceProcess): Promise<(number | string)[]> {
    const get = (n: number) =>
      fetch(`${url}/no-such-route/${n}/${LONG}`, { signal: AbortSignal.timeout(ANSWERED_WITHIN_MS) });
    return Promise.all(Array.from({ length: REQUESTS }, (_, n) => get(n).then(({ status }) => status, String)));
  }

  async function expectToStop(stopping: ServiceProcess): Promise<void> {
    const tooLong = setTimeout(() => void stopping.kill(), STOP_WITHIN_MS);
    expect(await stopping.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    clearTimeout(tooLong);
  }

  const answered = Array<number>(REQUESTS).fill(404);

  it.each(['json', 'pretty'])('answers on, and ends within 12 s of SIGTERM (a pipe, %s)', async (format) => {
    execFileSync('mkfifo', [join(folder, 'log')]);
    pipe = openSync(join(folder, 'log'), constants.O_RDWR); // of both ends, so that it is never broken
    const stopping = await start({ LOG_FORMAT: format }, { logFile: pipe });
    const answers = await makeItLog(stopping);
    await expectToStop(stopping);
    expect(answers).toEqual(answered);
  });

  it('answers on, and ends within 12 s of SIGTERM (a socket)', async () => {
    const stopping = await start({});
    stopping.holdLog();
    const answers = await makeItLog(stopping);
    await expectToStop(stopping);
    expect(answers).toEqual(answered);
  });

  it('for a while has lost no line of it, also when it is stopped then', async () => {
    const slowlyRead = await start({});
    slowlyRead.holdLog();
    expect(await makeItLog(slowlyRead)).toEqual(answered);
    const stopped = slowlyRead.kill('SIGTERM');
    slowlyRead.readLog();
    expect(await stopped).toEqual({ code: 0, signal: null });
    await waitFor('the last line', () => slowlyRead.logged('deliveries.stopped').length === 1);
    const paths = slowlyRead.logged('request completed').map(({ req }) => (req as { path: string }).path);
    const numbers = paths.map((path) => Number(path.split('/')[2])).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: REQUESTS }, (_, n) => n));
    expect(slowlyRead.output).toEqual([]);
  });
});
