import { preciseNow } from './bench.js';
import { type LightRequest, type LightResponse, listenLightly } from './light-server.js';
import { type Owed, type ReceiverBalance, ReceiverLedger, subjectOf } from './receivers.js';
import { serve } from './rpc.js';

/**
 * Everybody who hears of ended sessions: hbf-event-publisher, hbf-nlp and the customers' endpoints, on ports of their
 * own. As light as can be, so that it is not what is measured; it keeps the ledger.
 */
const RECEIVER_PORTS = 4;
const ledger = new ReceiverLedger();
let arrivals: [destination: string, sessionId: string, at: number][] = [];
let keepArrivals = false;
let distinct = 0;
let bytes = 0;
let lastAt = 0;
let delayMs = 0;
let hanging = new Set<string>();
const unanswered: LightResponse[] = [];

function accept(destination: string, sessionId: string, firstByteAt: number, response: LightResponse): void {
  if (ledger.accept(destination, sessionId)) distinct++;
  if (keepArrivals) arrivals.push([destination, sessionId, firstByteAt]);
  lastAt = preciseNow();
  response.answer(200);
}

function heard(request: LightRequest, response: LightResponse): void {
  bytes += request.bodyBytes;
  const [destination, sessionId] = subjectOf(request);
  if (hanging.has(destination)) return void unanswered.push(response);
  if (delayMs === 0) accept(destination, sessionId, request.firstByteAt, response);
  else setTimeout(() => accept(destination, sessionId, request.firstByteAt, response), delayMs);
}

const handlers = {
  async listen(): Promise<{ publisher: string; nlp: string; receivers: string[] }> {
    const receivers = await Promise.all(Array.from({ length: RECEIVER_PORTS }, () => listenLightly(heard)));
    return { publisher: await listenLightly(heard), nlp: await listenLightly(heard), receivers };
  },

  /** How every request is met from now on; those that hung before are cut off. */
  behave(input: { delayMs?: number; hanging?: string[]; keepArrivals?: boolean }): void {
    delayMs = input.delayMs ?? 0;
    hanging = new Set(input.hanging);
    keepArrivals = input.keepArrivals ?? false;
    unanswered.splice(0).forEach((response) => response.cut());
  },

  /** Waits until that many different debts were paid, or the time is over. @returns when the last one was */
  async settled(input: { debts: number; timeoutMs: number }): Promise<{ paid: number; lastAt: number; bytes: number }> {
    const end = preciseNow() + input.timeoutMs;
    while (distinct < input.debts && preciseNow() < end) await new Promise((resolve) => setTimeout(resolve, 5));
    return { paid: distinct, lastAt, bytes };
  },

  balance: (owed: Owed): ReceiverBalance => ledger.balance(owed),

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
