import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../support/ports.js';
import { startArguments } from '../../world/service/service-process.js';
import { median, round } from '../../support/figures.js';
import { atMost, type Bench, type BenchOptions } from '../bench.js';
import { residentMb } from '../../world/service/process-figures.js';
import { useWorld } from '../measured-world.js';

const WORLD = { tenants: 10, hooksPerTenant: 1, analyses: true, thresholdSeconds: 3_600 };
const ROOT = join(__dirname, '..', '..', '..');
const BARE = join(__dirname, '..', 'bare-app.cjs');
/** As `npm start` has them; the bare app gets the same. */
const FLAGS = startArguments().slice(0, -1);
const LOOK_EVERY_MS = 5;
const READY_WITHIN_MS = 30_000;

/** Start and idle memory of the service, against an app of the same libraries that does nothing. */
export const start: Bench = {
  name: 'start',
  run: (options) =>
    useWorld(WORLD, options, async (world) => {
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
      const [soon, atRest] = await idleMemory([service, BARE], world.environment, options);
      const [mine, bare] = [median(times.service), median(times.bare)];
      return [
        { name: 'start to ready / bare app', value: round(mine / bare), must: atMost(2), aim: atMost(1.3), note: `${Math.round(mine)} / ${Math.round(bare)} ms` }, // prettier-ignore
        { name: 'idle RSS, 10 s after the start', value: round(soon.service, 1), unit: 'MB', must: atMost(150), aim: atMost(120), note: `the bare app ${round(soon.bare, 1)} MB` }, // prettier-ignore
        { name: 'idle RSS, at rest', value: round(atRest.service, 1), unit: 'MB', must: atMost(150), aim: atMost(120), note: `the bare app ${round(atRest.bare, 1)} MB` }, // prettier-ignore
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
  const child = spawn(process.execPath, [...FLAGS, script], {
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

interface Resident {
  service: number;
  bare: number;
}

/**
 * Both apps at the same time: soon after the start, before its garbage is collected, and at rest, when
 * V8 has noticed that nothing happens and collected it (after 15 to 25 s).
 *
 * @returns megabytes
 */
async function idleMemory(
  [service, bare]: [service: string, bare: string],
  env: Record<string, string>,
  { quick, root }: BenchOptions,
): Promise<[soon: Resident, atRest: Resident]> {
  const apps = await Promise.all([launch(service, env, root), launch(bare, env, root)]);
  const resident = (): Resident => ({
    service: residentMb(apps[0].child.pid!).now,
    bare: residentMb(apps[1].child.pid!).now,
  });
  await delay(quick ? 2_000 : 10_000);
  const soon = resident();
  await delay(quick ? 0 : 35_000);
  const atRest = resident();
  await Promise.all(apps.map(end));
  return [soon, atRest];
}
