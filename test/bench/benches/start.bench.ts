import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../support/service-process.js';
import { atMost, type Bench, type BenchOptions, median, round } from '../bench.js';
import { residentMb } from '../proc.js';
import { World } from '../world.js';

const WORLD = { tenants: 10, hooksPerTenant: 1, analyses: true, thresholdSeconds: 3_600 };
const ROOT = join(__dirname, '..', '..', '..');
const BARE = join(__dirname, '..', 'bare-app.cjs');
const LOOK_EVERY_MS = 5;
const READY_WITHIN_MS = 30_000;

/** Start and idle memory of the service, against an app of the same libraries that does nothing. */
export const start: Bench = {
  name: 'start',
  run: (options) =>
    World.use(WORLD, async (world) => {
      const service = join(options.root ?? ROOT, 'dist', 'main.js');
      await launch(service, world.environment, options.root).then(end); // migrations are a matter of the first start
      const times = { service: [] as number[], bare: [] as number[] };
      for (let turn = 0; turn < (options.quick ? 2 : 7); turn++) {
        for (const [name, script] of [
          ['bare', BARE],
          ['service', service],
        ] as const) {
          const app = await launch(script, world.environment, options.root);
          times[name].push(app.ms);
          await end(app);
        }
      }
      const rss = await idleMemory([service, BARE], world.environment, options);
      const [mine, bare] = [median(times.service), median(times.bare)];
      return [
        { name: 'start to ready / bare app', value: round(mine / bare), must: atMost(2), aim: atMost(1.3), note: `${Math.round(mine)} / ${Math.round(bare)} ms` }, // prettier-ignore
        { name: 'idle RSS', value: round(rss[0]!, 1), unit: 'MB', must: atMost(150), aim: atMost(120) },
        {
          name: 'idle RSS / bare app',
          value: round(rss[0]! / rss[1]!),
          note: `the bare app has ${round(rss[1]!, 1)} MB`,
        },
      ];
    }),
};

interface App {
  child: ChildProcess;
  /** From spawn to the first 200 of /health/ready. */
  ms: number;
}

async function launch(script: string, env: Record<string, string>, cwd = ROOT): Promise<App> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = spawn(process.execPath, [script], {
    cwd,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env['PATH'], ...env, PORT: String(port) },
  });
  const killNow = () => child.kill('SIGKILL');
  process.once('exit', killNow);
  child.once('exit', () => process.removeListener('exit', killNow));
  while (performance.now() - startedAt < READY_WITHIN_MS && child.exitCode === null) {
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return { child, ms: performance.now() - startedAt };
    await delay(LOOK_EVERY_MS);
  }
  throw new Error(`${script} was not ready in ${READY_WITHIN_MS} ms (exit code ${child.exitCode})`);
}

async function end({ child }: App): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

/** Both at the same time, after they have come to rest. @returns megabytes */
async function idleMemory(
  scripts: string[],
  env: Record<string, string>,
  { quick, root }: BenchOptions,
): Promise<number[]> {
  const apps = await Promise.all(scripts.map((script) => launch(script, env, root)));
  await delay(quick ? 2_000 : 10_000);
  const resident = apps.map(({ child }) => residentMb(child.pid!).now);
  await Promise.all(apps.map(end));
  return resident;
}
