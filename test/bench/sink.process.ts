import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { preciseNow } from './bench.js';
import { serve } from './rpc.js';

/**
 * Everybody who hears of ended sessions: hbf-event-publisher, hbf-nlp and the customers' endpoints, on ports of their
 * own. As light as can be, so that it is not what is measured; it keeps the ledger.
 */
const RECEIVER_PORTS = 4;
const ANALYSIS = /\/sessions\/([^/]+)\/analyze$/;

/** Destination → session → how often it was accepted. */
const ledger = new Map<string, Map<string, number>>();
let arrivals: [destination: string, sessionId: string, at: number][] = [];
let keepArrivals = false;
let distinct = 0;
let bytes = 0;
let lastAt = 0;
let delayMs = 0;
let hanging = new Set<string>();
const unanswered: ServerResponse[] = [];

function accept(destination: string, sessionId: string, firstByteAt: number, response: ServerResponse): void {
  let sessions = ledger.get(destination);
  if (!sessions) ledger.set(destination, (sessions = new Map()));
  const before = sessions.get(sessionId) ?? 0;
  sessions.set(sessionId, before + 1);
  if (before === 0) distinct++;
  if (keepArrivals) arrivals.push([destination, sessionId, firstByteAt]);
  lastAt = preciseNow();
  response.writeHead(200, { 'content-length': 0 }).end();
}

function heard(request: IncomingMessage, response: ServerResponse): void {
  const firstByteAt = preciseNow();
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (chunks.length === 0) chunks.push(chunk);
  });
  request.once('end', () => {
    const [destination, sessionId] = subject(request, chunks[0]);
    if (hanging.has(destination)) return void unanswered.push(response);
    if (delayMs === 0) accept(destination, sessionId, firstByteAt, response);
    else setTimeout(() => accept(destination, sessionId, firstByteAt, response), delayMs);
  });
}

function subject(
  { url = '', headers }: IncomingMessage,
  head: Buffer | undefined,
): [destination: string, sessionId: string] {
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
  async listen(): Promise<{ publisher: string; nlp: string; receivers: string[] }> {
    const receivers = await Promise.all(Array.from({ length: RECEIVER_PORTS }, listen));
    return { publisher: await listen(), nlp: await listen(), receivers };
  },

  /** How every request is met from now on; those that hung before are cut off. */
  behave(input: { delayMs?: number; hanging?: string[]; keepArrivals?: boolean }): void {
    delayMs = input.delayMs ?? 0;
    hanging = new Set(input.hanging);
    keepArrivals = input.keepArrivals ?? false;
    unanswered.splice(0).forEach((response) => response.destroy());
  },

  /** Waits until that many different debts were paid, or the time is over. @returns when the last one was */
  async settled(input: { debts: number; timeoutMs: number }): Promise<{ paid: number; lastAt: number; bytes: number }> {
    const end = preciseNow() + input.timeoutMs;
    while (distinct < input.debts && preciseNow() < end) await new Promise((resolve) => setTimeout(resolve, 5));
    return { paid: distinct, lastAt, bytes };
  },

  /** @param input.owed which sessions each destination must have heard of */
  balance(input: { owed: [destination: string, sessionIds: string[]][] }): {
    missing: number;
    strangers: number;
    duplicates: number;
  } {
    const result = { missing: 0, strangers: 0, duplicates: 0 };
    const known = new Set<string>();
    for (const [destination, sessionIds] of input.owed) {
      known.add(destination);
      const heardOf = ledger.get(destination) ?? new Map<string, number>();
      const found = sessionIds.filter((id) => heardOf.has(id)).length;
      result.missing += sessionIds.length - found;
      result.strangers += heardOf.size - found;
      for (const count of heardOf.values()) result.duplicates += count - 1;
    }
    for (const [destination, sessions] of ledger) if (!known.has(destination)) result.strangers += sessions.size;
    return result;
  },

  arrivals: () => arrivals,

  reset(): void {
    ledger.clear();
    arrivals = [];
    distinct = 0;
    bytes = 0;
  },
};

export type SinkHandlers = typeof handlers;
serve(handlers);
