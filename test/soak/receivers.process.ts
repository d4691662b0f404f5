import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '../bench/rpc.js';

/** Everybody who hears of ended sessions, each kind on a port of its own. They keep the ledger. */
const ANALYSIS = /\/sessions\/([^/]+)\/analyze$/;

/** Destination → session → how often it was accepted. */
const ledger = new Map<string, Map<string, number>>();
let failing = new Set<string>();
let slow = new Set<string>();
let slowMs = 0;
let accepted = 0;
let refused = 0;

function accept(destination: string, sessionId: string, response: ServerResponse): void {
  let sessions = ledger.get(destination);
  if (!sessions) ledger.set(destination, (sessions = new Map()));
  sessions.set(sessionId, (sessions.get(sessionId) ?? 0) + 1);
  accepted++;
  response.writeHead(200, { 'content-length': 0 }).end();
}

function heard(request: IncomingMessage, response: ServerResponse): void {
  let head: Buffer | undefined;
  request.on('data', (chunk: Buffer) => (head ??= chunk));
  request.once('end', () => {
    const [destination, sessionId] = subject(request, head);
    if (failing.has(destination)) {
      refused++;
      response.writeHead(500, { 'content-length': 0 }).end();
    } else if (slow.has(destination)) setTimeout(() => accept(destination, sessionId, response), slowMs);
    else accept(destination, sessionId, response);
  });
}

function subject({ url = '', headers }: IncomingMessage, head: Buffer | undefined): [string, string] {
  if (url.startsWith('/hook/')) {
    const id = url.slice('/hook/'.length);
    return [`webhook:${id}`, String(headers['webhook-id']).replace(`:${id}`, '')];
  }
  if (url.startsWith('/connectors/'))
    return ['flow', String(/"id":"([^"]+)"/.exec(head?.toString('latin1') ?? '')?.[1])];
  return ['analysis', String(ANALYSIS.exec(url)?.[1])];
}

async function listen(): Promise<string> {
  const server = createServer(heard);
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const handlers = {
  async listen(): Promise<{ publisher: string; nlp: string; webhooks: string }> {
    return { publisher: await listen(), nlp: await listen(), webhooks: await listen() };
  },

  behave(input: { failing: string[]; slow: string[]; slowMs: number }): void {
    failing = new Set(input.failing);
    slow = new Set(input.slow);
    slowMs = input.slowMs;
  },

  figures: (): { accepted: number; refused: number } => ({ accepted, refused }),

  /** @param owed which sessions each destination must have heard of */
  balance(owed: [destination: string, sessionIds: string[]][]): { missing: number; strangers: number; again: number } {
    const result = { missing: 0, strangers: 0, again: 0 };
    const known = new Set(owed.map(([destination]) => destination));
    for (const [destination, sessionIds] of owed) {
      const heardOf = ledger.get(destination) ?? new Map<string, number>();
      const found = sessionIds.filter((id) => heardOf.has(id)).length;
      result.missing += sessionIds.length - found;
      result.strangers += heardOf.size - found;
      for (const count of heardOf.values()) result.again += count - 1;
    }
    for (const [destination, sessions] of ledger) if (!known.has(destination)) result.strangers += sessions.size;
    return result;
  },
};

export type ReceiverHandlers = typeof handlers;
serve(handlers);
