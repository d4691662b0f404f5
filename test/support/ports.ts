import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Nobody listens there: port 1 is given to nobody who asks for just any port. A port that a server has left is no such
 * place; the next one that starts, in another test's process, may get it.
 */
export const NOWHERE = 'http://127.0.0.1:1';

/** Below the ports that a kernel gives away by itself (Linux: from 32,768, macOS and Windows: from 49,152). */
const FIRST = 10_000;
const LAST = 32_767;

/** @returns a port that stays free until somebody asks for this one: a server that has left it can come back to it */
export async function freePort(): Promise<number> {
  const port = randomInt(FIRST, LAST + 1);
  return (await portIsFree(port)) ? port : freePort();
}

/** Whether a server could listen there on every address. */
export async function portIsFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen(port, () => resolve(true));
  });
  const answer = await free;
  if (answer) await new Promise((resolve) => server.close(resolve));
  return answer;
}
