import { Logger } from '@nestjs/common';
import { writeSync } from 'node:fs';

/** Seconds of lines, even at a thousand deliveries a second. */
const WAITING_MAX_BYTES = 16 * 1024 * 1024;
const TRY_AGAIN_MS = 20;
/** Of the twelve seconds that a stop may take, the rest of the service has ten. */
const EXIT_WAIT_MS = 1_000;

/** For tests. */
export interface LogDestinationLimits {
  /** Bytes of lines that wait for their reader. */
  waitingMaxBytes?: number;
  /** Milliseconds that `end` waits for the reader. */
  exitWaitMs?: number;
}

/**
 * Writes log lines to a file descriptor, at once, in order and without ever waiting for the reader. While a pipe is full
 * its lines wait in memory, at most 16 MB of them; the lines after these are lost and counted: as soon as there is room
 * again, the line `log.lines-lost` says how many. pino's own destination holds the whole process while a pipe is full,
 * SIGTERM included.
 *
 * The descriptor of a pipe must be non-blocking.
 */
export class LogDestination {
  private readonly logger = new Logger(LogDestination.name);
  private readonly limits: Required<LogDestinationLimits>;
  /** Unwritten; the first may be the rest of a line. */
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private lost = 0;
  private isBroken = false;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly fd: number,
    { waitingMaxBytes = WAITING_MAX_BYTES, exitWaitMs = EXIT_WAIT_MS }: LogDestinationLimits = {},
  ) {
    this.limits = { waitingMaxBytes, exitWaitMs };
  }

  /** @param line with its line feed; never throws */
  write(line: string): void {
    const rest = this.waiting.length === 0 ? this.send(Buffer.from(line)) : Buffer.from(line);
    if (rest.length === 0) return;
    const isBegun = this.waiting.length === 0; // half a line would spoil the next one
    if (!isBegun && this.waitingBytes + rest.length > this.limits.waitingMaxBytes) {
      this.lost++;
      return;
    }
    this.waiting.push(rest);
    this.waitingBytes += rest.length;
    this.timer ??= setTimeout(() => this.tryAgain(), TRY_AGAIN_MS).unref();
  }

  /** Writes what waits, before the process exits: blocks it until then, for at most a second. */
  end(): void {
    const end = Date.now() + this.limits.exitWaitMs;
    const never = new Int32Array(new SharedArrayBuffer(4));
    while (!this.sendWaiting() && Date.now() < end) Atomics.wait(never, 0, 0, TRY_AGAIN_MS);
  }

  private tryAgain(): void {
    this.timer = undefined;
    if (!this.sendWaiting()) {
      this.timer ??= setTimeout(() => this.tryAgain(), TRY_AGAIN_MS).unref();
      return;
    }
    const { lost } = this;
    this.lost = 0;
    if (lost > 0) this.logger.warn({ lines: lost }, 'log.lines-lost');
  }

  /** @returns whether nothing waits any more */
  private sendWaiting(): boolean {
    let sent = 0;
    for (const bytes of this.waiting) {
      const rest = this.send(bytes);
      this.waitingBytes -= bytes.length - rest.length;
      if (rest.length > 0) {
        this.waiting[sent] = rest;
        break;
      }
      sent++;
    }
    this.waiting.splice(0, sent);
    return this.waiting.length === 0;
  }

  /** @returns what could not be written now; nothing once the reader has closed the pipe, as nobody can read it */
  private send(bytes: Buffer): Buffer {
    let written = 0;
    try {
      while (!this.isBroken && written < bytes.length) written += writeSync(this.fd, bytes, written);
    } catch (error) {
      this.isBroken = (error as NodeJS.ErrnoException).code === 'EPIPE';
    }
    return bytes.subarray(this.isBroken ? bytes.length : written);
  }
}

let standardOutput: LogDestination | undefined;

/** The one destination of this process: its standard output. What waits at an exit is written then. */
export function logDestination(): LogDestination {
  if (standardOutput) return standardOutput;
  const { fd } = process.stdout; // Node makes a pipe non-blocking when this stream is first used
  const destination = new LogDestination(fd);
  process.once('exit', () => destination.end());
  return (standardOutput = destination);
}
