import { Logger } from '@nestjs/common';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { runMain } from '../support/run-main.js';
import { MIXES } from './mixes.js';
import { runSoak } from './soak-run.js';
import { sampleHead, sampleLine, soakTable } from './tables.js';

const { values } = parseArgs({
  options: {
    /** Which endpoints there are (mixes.ts). */
    mix: { type: 'string', default: 'usual' },
    /** Sessions that end in a second; by default those of the mix. */
    rate: { type: 'string' },
    minutes: { type: 'string', default: '5' },
    'slow-ms': { type: 'string', default: '2000' },
    root: { type: 'string' },
  },
});

const PASSED = 'PASSED: everything that was expected arrived, and nothing grew with time';

async function main(): Promise<number> {
  const mix = MIXES[values.mix];
  if (!mix) {
    console.error(`no mix ${values.mix}; there are: ${Object.keys(MIXES).join(', ')}`);
    return 2;
  }
  console.log(`load average before: ${loadavg()[0]!.toFixed(2)}\n${sampleHead()}`);
  const result = await runSoak({
    mix,
    perSecond: Number(values.rate ?? mix.perSecond),
    seconds: Number(values.minutes) * 60,
    slowMs: Number(values['slow-ms']),
    ...(values.root ? { root: values.root } : {}),
    onSample: (sample) => console.log(sampleLine(sample)),
  });
  console.log(`\n${soakTable(result)}`);
  for (const problem of result.problems) console.error(`FAILED: ${problem}`);
  if (result.problems.length === 0) console.log(PASSED);
  return result.problems.length > 0 ? 1 : 0;
}

// the purge runs in this process
Logger.overrideLogger(['error', 'warn']);
runMain(main);
