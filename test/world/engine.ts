import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { freePort } from '../support/ports.js';

const TOOL = pathToFileURL(join(__dirname, '..', '..', 'tools', 'mongodb', 'start.mjs')).href;

/** Starts the engine, prints its process id, and ends when the engine or our end of its input does. */
const RUN = `
  const { startMongodb } = await import(process.argv[1]);
  const mongodb = await startMongodb({ folder: process.argv[2], port: Number(process.argv[3]) });
  console.log(mongodb.child.pid);
  void mongodb.exited.then(() => process.exit(0));
  process.stdin.resume().on('end', () => void mongodb.stop().then(() => process.exit(0)));
`;

/** From when to when the database was away, epoch ms; `to` is missing while it is. */
export interface Outage {
  from: number;
  to?: number;
}

/**
 * A MongoDB engine on a folder and a port of its own, whose process can be killed for real and started again. It ends
 * with this process. A process of its own starts it: jest cannot load the tool, which is an ES module.
 */
export class Engine {
  readonly outages: Outage[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), 'hbf-engine-'));
  private holder?: ChildProcess;
  private processId?: number;

  private constructor(private readonly port: number) {}

  static async start(): Promise<Engine> {
    const engine = new Engine(await freePort());
    await engine.startAgain();
    return engine;
  }

  get uri(): string {
    return `mongodb://127.0.0.1:${this.port}/?directConnection=true`;
  }

  /** Of the process that is the database, while it runs. */
  get pid(): number {
    return this.processId!;
  }

  /** @throws Error when the engine does not come up on what the last one left behind */
  async startAgain(): Promise<void> {
    const args = ['--input-type=module', '--eval', RUN, '--', TOOL, this.folder, String(this.port)];
    // detached: a Ctrl-C at the terminal is for our process, whose services still write outcomes
    const holder = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    const exited = once(holder, 'exit');
    const failed = exited.then(([code]) => Promise.reject(new Error(`the engine ended with ${code}`)));
    failed.catch(() => undefined); // after it has started, its end is no failure
    const [line] = (await Promise.race([once(createInterface({ input: holder.stdout }), 'line'), failed])) as [string];
    this.holder = holder;
    this.processId = Number(line);
    const outage = this.outages.at(-1);
    if (outage) outage.to = Date.now();
  }

  /** `kill -9`. Resolves when the process is gone. */
  async kill(): Promise<void> {
    const exited = once(this.holder!, 'exit');
    process.kill(this.pid, 'SIGKILL');
    this.outages.push({ from: Date.now() });
    await exited;
    this.holder = undefined;
  }

  /** Stops it and removes its folder. */
  async stop(): Promise<void> {
    if (this.holder) {
      const exited = once(this.holder, 'exit');
      this.holder.stdin!.end();
      await exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
