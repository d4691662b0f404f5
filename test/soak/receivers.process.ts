import { type LightRequest, type LightResponse, listenLightly } from '../bench/light-server.js';
import { type Owed, type ReceiverBalance, ReceiverLedger, subjectOf } from '../bench/receivers.js';
import { serve } from '../bench/rpc.js';

/** Everybody who hears of ended sessions, each kind on a port of its own. They keep the ledger. */
const ledger = new ReceiverLedger();
let failing = new Set<string>();
let slow = new Set<string>();
let slowMs = 0;
let accepted = 0;
let refused = 0;

function accept(destination: string, sessionId: string, response: LightResponse): void {
  ledger.accept(destination, sessionId);
  accepted++;
  response.answer(200);
}

function heard(request: LightRequest, response: LightResponse): void {
  const [destination, sessionId] = subjectOf(request);
  if (failing.has(destination)) {
    refused++;
    response.answer(500);
  } else if (slow.has(destination)) setTimeout(() => accept(destination, sessionId, response), slowMs);
  else accept(destination, sessionId, response);
}

const handlers = {
  async listen(): Promise<{ publisher: string; nlp: string; webhooks: string }> {
    return {
      publisher: await listenLightly(heard),
      nlp: await listenLightly(heard),
      webhooks: await listenLightly(heard),
    };
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
