import { Logger } from '@nestjs/common';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../../test/support/wait-for.js';
import { LogDestination, type LogDestinationLimits } from './log-destination.js';

/** 100 bytes. */
const line = (n: number) => `${String(n).padStart(99, '.')}\n`;
/** More than a pipe holds (64 KB). */
const LINES = 1_000;
const ALL = Array.from({ length: LINES }, (_, n) => n);

describe('LogDestination', () => {
  let folder: string;
  let pipe: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'log-destination-'));
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  });

  afterEach(() => {
    closeSync(pipe);
    rmSync(folder, { recursive: true, force: true });
  });

  function filled(limits: LogDestinationLimits = {}): LogDestination {
    const destination = new LogDestination(pipe, limits);
    for (const n of ALL) destination.write(line(n));
    return destination;
  }

  /** @returns all that is in the pipe now */
  function read(): string {
    const buffer = Buffer.alloc(1_000_000);
    let bytes = 0;
    try {
      for (;;) bytes += readSync(pipe, buffer, bytes, buffer.length - bytes, null);
    } catch {
      return buffer.toString('utf8', 0, bytes); // EAGAIN: it is empty
    }
  }

  it('keeps the lines that find no room, and writes all in order when the reader has caught up', async () => {
    filled();
    let text = '';
    await waitFor('the last line', () => (text += read()).endsWith(line(LINES - 1)));
    expect(text).toBe(ALL.map(line).join(''));
  });

  it('keeps no more than its limit, tears no line, and says how many are lost', async () => {
    const said: unknown[][] = [];
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation((...args: unknown[]) => void said.push(args));
    filled({ waitingMaxBytes: 10_000 });
    let text = '';
    await waitFor('a word of the lines that are lost', () => {
      text += read();
      return said.length > 0;
    });
    warn.mockRestore();
    const arrived = text.split('\n').slice(0, -1).map((one) => Number(one.replaceAll('.', ''))); // prettier-ignore
    expect(arrived).toEqual(ALL.slice(0, arrived.length));
    expect(said).toEqual([[{ lines: LINES - arrived.length }, 'log.lines-lost']]);
    expect(arrived.length).toBeLessThan(LINES);
  });

  it('writes what waits when the process ends, and waits no longer than told for a reader that is not there', () => {
    const destination = filled({ exitWaitMs: 200 });
    const before = performance.now();
    destination.end();
    expect(performance.now() - before).toBeGreaterThanOrEqual(199);
    const begin = read();
    destination.end();
    expect(begin + read()).toBe(ALL.map(line).join(''));
  });

  it('goes on when the reader has closed the pipe', () => {
    const path = join(folder, 'closed');
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    closeSync(reader);
    const destination = new LogDestination(writer, { exitWaitMs: 60_000 });
    destination.write(line(1));
    destination.end();
    closeSync(writer);
  });
});
