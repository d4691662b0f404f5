import { Logger } from '@nestjs/common';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runMain } from '../support/run-main.js';
import { DeliveryError } from '../world/load-world.js';
import { type Bench, type BenchOptions, type Figure, keeps, type Limit } from './bench.js';
import { backlog } from './benches/backlog.bench.js';
import { cpu } from './benches/cpu.bench.js';
import { hangingTenants } from './benches/hanging-tenants.bench.js';
import { idleCheck } from './benches/idle-check.bench.js';
import { idleDatabase } from './benches/idle-database.bench.js';
import { isolation } from './benches/isolation.bench.js';
import { latency } from './benches/latency.bench.js';
import { memory } from './benches/memory.bench.js';
import { pipeline, pipelineRaisedLimits } from './benches/pipeline.bench.js';
import { receivers } from './benches/receivers.bench.js';
import { replicas } from './benches/replicas.bench.js';
import { restarts } from './benches/restarts.bench.js';
import { slowEndpoints } from './benches/slow-endpoints.bench.js';
import { smallTenants } from './benches/small-tenants.bench.js';
import { start } from './benches/start.bench.js';

const BENCHES: readonly Bench[] = [
  pipeline,
  pipelineRaisedLimits,
  cpu,
  isolation,
  slowEndpoints,
  latency,
  receivers,
  backlog,
  memory,
  idleCheck,
  idleDatabase,
  smallTenants,
  hangingTenants,
  replicas,
  restarts,
  start,
];
const ROOT = resolve(__dirname, '..', '..');

interface Result {
  bench: string;
  seconds: number;
  figures: Figure[];
  /** Why the run is void. */
  void?: string;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      profile: { type: 'string' },
      root: { type: 'string' },
      against: { type: 'string' },
    },
  });
  const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name));
  if (unknown.length > 0) {
    console.error(`no bench ${unknown.join(', ')}; there are: ${BENCHES.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const options: BenchOptions = {
    quick: values.quick,
    ...(values.profile ? { profile: resolve(values.profile) } : {}),
    ...(values.root ? { root: resolve(values.root) } : {}),
    ...(values.against ? { against: resolve(values.against) } : {}),
  };
  const results: Result[] = [];
  for (const bench of BENCHES.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
    const result = await runOne(bench, options);
    results.push(result);
    print(result);
  }
  write(results, options);
  return results.some((result) => result.void !== undefined) ? 1 : 0;
}

async function runOne(bench: Bench, options: BenchOptions): Promise<Result> {
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 100) / 10;
  try {
    return { bench: bench.name, figures: await bench.run(options), seconds: seconds() };
  } catch (error) {
    const reason = error instanceof DeliveryError ? error.message : String((error as Error).stack);
    return { bench: bench.name, figures: [], seconds: seconds(), void: reason };
  }
}

function print({ bench, seconds, figures, void: reason }: Result): void {
  console.log(`\n${bench} (${seconds} s)${reason === undefined ? '' : `  VOID: ${reason}`}`);
  for (const { name, value, unit = '', must, aim, note } of figures) {
    const verdict = !must ? '    ' : !keeps(value, must) ? 'MISS' : aim && keeps(value, aim) ? 'aim ' : 'must';
    const limits = [must && `must ${show(must)}`, aim && `aim ${show(aim)}`].filter(Boolean).join(', ');
    const figure = `${value}${unit === '' ? '' : ` ${unit}`}`;
    console.log(`  ${verdict} ${name.padEnd(58)} ${figure.padStart(14)}  ${limits}${note ? `  [${note}]` : ''}`);
  }
}

function show({ atLeast, atMost }: Limit): string {
  if (atLeast === atMost) return `= ${atMost}`;
  return atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
}

function write(results: Result[], options: BenchOptions): void {
  const at = new Date().toISOString();
  const file = join(ROOT, 'bench-results', `${at.replaceAll(':', '-')}.json`);
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  const machine = { node: process.version, cores: cpus().length, cpu: cpus()[0]?.model };
  mkdirSync(join(ROOT, 'bench-results'), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ at, commit, machine, options, results }, undefined, 2)}\n`);
  console.log(`\n${file}`);
}

// parts of the service run in this process
Logger.overrideLogger(['error', 'warn']);
runMain(main);
