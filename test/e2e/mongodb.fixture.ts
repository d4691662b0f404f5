import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { freePort } from '../support/ports.js';

const TOOL = pathToFileURL(join(__dirname, '..', '..', 'tools', 'mongodb', 'start.mjs')).href;

/** Runs the engine as long as its standard input is open: it ends with us, however we end. */
const RUN = `
  const { startMongodb } = await import(process.argv[1]);
  const mongodb = await startMongodb({ folder: process.argv[2], port: Number(process.argv[3]) });
  console.log(mongodb.uri);
  process.stdin.resume().on('end', () => void mongodb.stop().then(() => process.exit(0)));
`;

/** A MongoDB engine of a test's own, on one folder and one port, that goes away and comes back. */
export class OwnMongodb {
  private readonly folder = mkdtempSync(join(tmpdir(), 'own-mongodb-'));
  private close?: () => Promise<void>;

  private constructor(readonly port: number) {}

  /** It is not running yet. */
  static async create(): Promise<OwnMongodb> {
    return new OwnMongodb(await freePort());
  }

  uri(database: string): string {
    return `mongodb://127.0.0.1:${this.port}/${database}?directConnection=true`;
  }

  async start(): Promise<void> {
    const args = ['--input-type=module', '--eval', RUN, '--', TOOL, this.folder, String(this.port)];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    await Promise.race([
      once(createInterface({ input: child.stdout }), 'line'),
      exited.then(([code]) => Promise.reject(new Error(`the engine ended with ${code}`))),
    ]);
    this.close = async () => {
      child.stdin.end();
      await exited;
    };
  }

  async stop(): Promise<void> {
    await this.close?.();
    this.close = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
