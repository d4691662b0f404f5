import { Logger } from '@nestjs/common/services/logger.service.js'; // not the whole package: most unit specs load none of it
import { format } from 'node:util';

/** jest loads this before each test file: what a test run prints is the outcome of its tests and nothing else. */

// Units that are made by hand log through Nest's default logger. A test that is about log lines listens to Logger itself.
Logger.overrideLogger(false);

const printed: string[] = [];
for (const method of ['debug', 'log', 'info', 'warn', 'error'] as const) {
  console[method] = (...args: unknown[]) => void printed.push(format(...args));
}

afterEach(() => {
  const lines = printed.splice(0);
  if (lines.length > 0) throw new Error(`the test printed to the console:\n${lines.join('\n')}`);
});
