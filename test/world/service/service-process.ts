import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { freePort } from '../../support/ports.js';
import { waitFor } from '../../support/wait-for.js';

const ROOT = join(__dirname, '..', '..', '..');

export interface LogLine {
  /** pino's number: 30 info, 40 warn, 50 error. */
  level: number;
  msg?: string;
  /** Name of the class that wrote it. */
  context?: string;
  [field: string]: unknown;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ServiceProcessOptions {
  /** Folder of the repository; by default this one. `dist/main.js` must have been built. */
  root?: string;
  /** An open file that its log goes to instead of `logs`. */
  logFile?: number;
}

const LOG_LIMIT = 50_000;
const STOP_MS = 15_000;

/** The built service as a process of its own, so that a test can kill it for real. */
export class ServiceProcess {
  /** JSON log lines, oldest first. */
  readonly logs: LogLine[] = [];
  /** Everything it wrote that is no JSON. */
  readonly output: string[] = [];
  readonly exited: Promise<Exit>;
  private exit?: Exit;
  private listener: (line: LogLine) => void = () => undefined;

  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {
    this.exited = once(child, 'exit').then(([code, signal]) => (this.exit = { code, signal }));
    if (child.stdout) this.read(child.stdout);
    this.read(child.stderr!);
    process.once('exit', this.killNow);
    void this.exited.then(() => process.removeListener('exit', this.killNow));
  }

  /**
   * Starts it with this environment and nothing of our own but PATH; JSON logs, so NODE_ENV is production unless
   * said otherwise. Without a PORT (or with 0) a free one is chosen.
   */
  static async start(env: Record<string, string>, options: ServiceProcessOptions = {}): Promise<ServiceProcess> {
    const root = options.root ?? ROOT;
    const port = Number(env['PORT'] ?? 0) || (await freePort());
    const child = spawn(process.execPath, startArguments(root), {
      cwd: root,
      stdio: ['ignore', options.logFile ?? 'pipe', 'pipe'],
      detached: true, // a Ctrl-C at the terminal is for our process, which stops this one in order
      env: { PATH: process.env['PATH'], LOG_LEVEL: 'info', NODE_ENV: 'production', ...env, PORT: String(port) },
    });
    return new ServiceProcess(child, `http://127.0.0.1:${port}`);
  }

  get pid(): number {
    return this.child.pid!;
  }

  get running(): boolean {
    return this.exit === undefined;
  }

  /** Called for every JSON log line from now on. */
  onLog(listener: (line: LogLine) => void): void {
    this.listener = listener;
  }

  logged(msg: string): LogLine[] {
    return this.logs.filter((line) => line.msg === msg);
  }

  /** Resolves when `/health/ready` answers 200; fails at once when the process has ended. */
  async waitReady(timeoutMs = 20_000): Promise<void> {
    let status: string | number = 'no answer';
    const ended = () =>
      this.exit ? new Error(`the service ended (${JSON.stringify(this.exit)})\n${this.tail()}`) : undefined;
    const answer = await waitFor(
      `the service to be ready at ${this.url}`,
      async () => {
        const failure = ended();
        if (failure) return failure;
        status = await fetch(`${this.url}/health/ready`).then((response) => response.status, String);
        return status === 200;
      },
      { timeoutMs, intervalMs: 50 },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)} (${status})\n${this.tail()}`);
    });
    if (answer instanceof Error) throw answer;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    if (this.exit) return this.exit;
    this.child.kill(signal);
    return this.exited;
  }

  /** SIGTERM; when that does not help within 15 s, SIGKILL (the exit's `signal` tells). */
  async stop(): Promise<Exit> {
    const timer = setTimeout(this.killNow, STOP_MS);
    try {
      return await this.kill('SIGTERM');
    } finally {
      clearTimeout(timer);
    }
  }

  /** Reads no log line until `readLog`. */
  holdLog(): void {
    this.child.stdout!.pause();
  }

  readLog(): void {
    this.child.stdout!.resume();
  }

  /** The last it said, for error messages. */
  tail(lines = 20): string {
    const logs = this.logs.slice(-lines).map((line) => JSON.stringify(line));
    return [...logs, ...this.output.slice(-lines)].join('\n');
  }

  private readonly killNow = (): void => void this.child.kill('SIGKILL');

  private read(stream: Readable): void {
    createInterface({ input: stream }).on('line', (text) => {
      const line = parse(text);
      if (!line) {
        this.output.push(text);
        return;
      }
      this.logs.push(line);
      if (this.logs.length > LOG_LIMIT) this.logs.splice(0, LOG_LIMIT / 2);
      this.listener(line);
    });
  }
}

function parse(text: string): LogLine | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}

/** Node's flags and the file of `npm start`, as the repository at `root` has them. */
export function startArguments(root = ROOT): string[] {
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  const { scripts } = JSON.parse(text) as { scripts: { start: string } };
  return scripts.start.split(' ').slice(1);
}
