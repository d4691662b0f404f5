import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runMain } from '../support/run-main.js';
import type { LogLine } from '../world/service/service-process.js';
import { runCrashes } from './crash-run.js';
import { runReplicas } from './replica-run.js';
import { crashTable, replicaTable } from './tables.js';

const ANY_SEED = Date.now() % 1_000_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: String(ANY_SEED) },
    kills: { type: 'string' },
    'database-kills': { type: 'string' },
    both: { type: 'string' },
    sessions: { type: 'string' },
    tenants: { type: 'string' },
    short: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    log: { type: 'string' },
    root: { type: 'string' },
  },
});
const seed = Number(values.seed);
const root = values.root ? { root: values.root } : {};
const PASSED = 'PASSED: everything that was expected arrived, and each repetition has a cause';
const tell = (line: string) => console.log(new Date().toISOString(), line);

/** What was asked for, else the figure of a full or of a short run. */
function number(text: string | undefined, full: number, short: number): number {
  return Number(text ?? (values.short ? short : full));
}

function toFile(file: string) {
  return { onLog: (line: LogLine) => appendFileSync(file, `${JSON.stringify(line)}\n`) };
}

async function crash(): Promise<string[]> {
  const result = await runCrashes({
    seed,
    kills: {
      service: number(values.kills, 100, 6),
      database: number(values['database-kills'], 20, 2),
      both: number(values.both, 5, 1),
    },
    sessions: number(values.sessions, 2_000, 150),
    tenants: number(values.tenants, 20, 6),
    ...root,
    ...(values.verbose ? { onKill: tell } : {}),
    ...(values.log ? toFile(values.log) : {}),
  });
  console.log(crashTable(result));
  return result.problems;
}

async function replicas(): Promise<string[]> {
  const options = { seed, tenants: number(values.tenants, 20, 20), sessionsPerSecond: 8, onStep: tell };
  const result = await runReplicas({ ...options, ...root });
  console.log(replicaTable(result));
  return result.problems;
}

async function main(): Promise<number> {
  const suites: Record<string, () => Promise<string[]>> = { crash, replicas };
  const suite = suites[positionals[0] ?? ''];
  if (!suite) throw new Error(`say which: ${Object.keys(suites).join(', ')}`);
  console.log(`seed ${seed}`);
  const problems = await suite();
  for (const problem of problems) console.error(`FAILED, seed ${seed}: ${problem}`);
  if (problems.length === 0) console.log(PASSED);
  return problems.length > 0 ? 1 : 0;
}

runMain(main);
