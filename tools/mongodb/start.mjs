// startMongodb(): the embedded MongoDB engine in a process of its own, for development, tests and the sandbox.
// On the command line: npm run mongodb -- --port 27017 --dir ./data/mongodb
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeCommand } from './glibc.mjs';

const ENGINE = join(dirname(fileURLToPath(import.meta.url)), 'engine.mjs');

/**
 * Starts the engine on `folder` (a temporary one when left out, removed again at the end) and `port` of 127.0.0.1
 * (a free one when left out). It ends with this process, however this process ends. `signal` ends it while it starts.
 *
 * @throws Error with the reason when the engine cannot use the folder (another process uses it, it cannot be made or
 *   written to), or does not start
 */
export async function startMongodb({ folder, port = 0, signal } = {}) {
  const data = folder ?? mkdtempSync(join(tmpdir(), 'mongodb-'));
  const [command, ...args] = nodeCommand();
  const child = spawn(command, [...args, ENGINE, data, String(port)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true, // a Ctrl-C at the terminal is for the service, which still has outcomes to write
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const exited = once(child, 'exit');
  const cancel = () => child.stdin.end();
  signal?.addEventListener('abort', cancel);
  if (signal?.aborted) cancel();
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([l]) => l),
    exited.then(([code, killedBy]) => {
      throw new Error(`the MongoDB engine ended before it was ready (${killedBy ?? code})`);
    }),
  ]).finally(() => signal?.removeEventListener('abort', cancel));
  const { problem, ...started } = JSON.parse(line);
  if (problem) throw new Error(problem);
  child.unref();
  child.stdout.unref();
  child.stdin.unref();
  const stop = async () => {
    child.ref();
    if (child.exitCode === null && child.signalCode === null) child.stdin.end();
    await exited;
    if (!folder) rmSync(data, { recursive: true, force: true });
  };
  return { ...started, stop, exited, child };
}

async function main() {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '27017' }, dir: { type: 'string', default: './data/mongodb' } },
  });
  const mongodb = await startMongodb({ folder: values.dir, port: Number(values.port) });
  console.log(mongodb.uri);
  mongodb.child.ref();
  mongodb.child.on('exit', (code) => process.exit(code ?? 1));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void mongodb.stop());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
}
