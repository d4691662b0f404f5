import type { IncomingMessage, ServerResponse } from 'node:http';
import { listenWith, type Owed, type ReceiverBalance, ReceiverLedger, subjectOf } from '../bench/receivers.js';
import { serve } from '../bench/rpc.js';

/** Everybody who hears of ended sessions, each kind on a port of its own. They keep the ledger. */
const ledger = new ReceiverLedger();
let failing = new Set<string>();
let slow = new Set<string>();
let slowMs = 0;
let accepted = 0;
let refused = 0;

function accept(destination: string, sessionId: string, response: ServerResponse): void {
  ledger.accept(destination, sessionId);
  accepted++;
  response.writeHead(200, { 'content-length': 0 }).end();
}

function heard(request: IncomingMessage, response: ServerResponse): void {
  let head: Buffer | undefined;
  request.on('data', (chunk: Buffer) => (head ??= chunk));
  request.once('end', () => {
    const [destination, sessionId] = subjectOf(request, head);
    if (failing.has(destination)) {
      refused++;
      response.writeHead(500, { 'content-length': 0 }).end();
    } else if (slow.has(destination)) setTimeout(() => accept(destination, sessionId, response), slowMs);
    else accept(destination, sessionId, response);
  });
}

const handlers = {
  async listen(): Promise<{ publisher: string; nlp: string; webhooks: string }> {
    return { publisher: await listenWith(heard), nlp: await listenWith(heard), webhooks: await listenWith(heard) };
  },

  behave(input: { failing: string[]; slow: string[]; slowMs: number }): void {
    failing = new Set(input.failing);
    slow = new Set(input.slow);
    slowMs = input.slowMs;
  },

  figures: (): { accepted: number; refused: number } => ({ accepted, refused }),

  balance: (owed: Owed): ReceiverBalance => ledger.balance(owed),
};

export type ReceiverHandlers = typeof handlers;
serve(handlers);
