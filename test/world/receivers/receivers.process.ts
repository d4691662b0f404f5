import { preciseNow } from '../../support/figures.js';
import { type Arrival, Arrivals, type ArrivalsReport, type Expected, nameOf, type Pair } from '../arrivals.js';
import { serve } from '../rpc.js';
import type { PlainBehavior } from './behavior.js';
import { type LightRequest, type LightResponse, listenLightly } from './light-server.js';
import { subjectOf } from './subject.js';

/**
 * All destinations (hbf-event-publisher, hbf-nlp and the customers' endpoints) in one process, on ports of their own:
 * the fast form of the receivers. As light as can be, so that they are not what is measured: plain sockets, no parsed
 * body, no signature checked.
 */
const OK: PlainBehavior = { kind: 'ok' };

const arrivals = new Arrivals({ keepsList: false });
let behaviorOfAll: PlainBehavior = OK;
let behaviors = new Map<string, PlainBehavior>();
let accepted = 0;
let refused = 0;
let bytes = 0;
let lastAt = 0;
const unanswered: LightResponse[] = [];
/** Deliveries whose first attempt was refused by `refuse-first`, by name. */
const refusals = new Map<string, Refusal>();
/** Sessions that such a destination has seen. */
const seen = new Map<string, number>();

interface Refusal extends Pair {
  at: number;
  /** Milliseconds from the refusal to the next attempt. */
  againAfterMs?: number;
}

function accept(arrival: Arrival, response: LightResponse): void {
  arrivals.note(arrival);
  accepted++;
  lastAt = preciseNow();
  response.answer(200);
}

function refuseFirst(every: number, arrival: Arrival, response: LightResponse): void {
  const name = nameOf(arrival);
  const { sessionId, destination, at } = arrival;
  const refusal = refusals.get(name);
  if (refusal) refusal.againAfterMs ??= at - refusal.at;
  const count = (seen.get(destination) ?? 0) + (refusal ? 0 : 1);
  seen.set(destination, count);
  if (refusal || count % every !== 0) return accept(arrival, response);
  refusals.set(name, { sessionId, destination, at });
  refused++;
  response.answer(500);
}

function receive(request: LightRequest, response: LightResponse): void {
  bytes += request.bodyBytes;
  const { sessionId, destination } = subjectOf(request);
  const arrival = { sessionId, destination, at: request.firstByteAt };
  const behavior = behaviors.get(destination) ?? behaviorOfAll;
  if (behavior.kind === 'ok') return accept(arrival, response);
  if (behavior.kind === 'delay') return void setTimeout(() => accept(arrival, response), behavior.ms);
  if (behavior.kind === 'hang') return void unanswered.push(response);
  if (behavior.kind === 'refuse-first') return refuseFirst(behavior.every, arrival, response);
  refused++;
  response.answer(behavior.status);
}

/** How every request is met, and how those to single destinations are. */
export interface Behaviors {
  all?: PlainBehavior;
  destinations?: [destination: string, behavior: PlainBehavior][];
  /** Keeps the time of each arrival. */
  keepsList?: boolean;
}

const handlers = {
  async listen(input: { webhookPorts: number }): Promise<{ publisher: string; nlp: string; webhooks: string[] }> {
    const listen = async () => (await listenLightly(receive)).url;
    const webhooks = await Promise.all(Array.from({ length: input.webhookPorts }, listen));
    return { publisher: await listen(), nlp: await listen(), webhooks };
  },

  /** From now on; requests that hung before are cut off. */
  behave(input: Behaviors): void {
    behaviorOfAll = input.all ?? OK;
    behaviors = new Map(input.destinations);
    arrivals.keepsList = input.keepsList ?? false;
    unanswered.splice(0).forEach((response) => response.cut());
  },

  /** Waits until so many different deliveries have arrived, or the time is over. @returns how many have */
  async arrived(input: { deliveries: number; timeoutMs: number }): Promise<number> {
    const end = preciseNow() + input.timeoutMs;
    while (arrivals.distinct < input.deliveries && preciseNow() < end)
      await new Promise((resolve) => setTimeout(resolve, 5));
    return arrivals.distinct;
  },

  /** Requests that were accepted or refused since the start; body bytes and the last arrival since the last `clear`. */
  figures: () => ({ accepted, refused, bytes, lastAt }),

  report(expected: Expected): ArrivalsReport {
    arrivals.expectAll(expected);
    return arrivals.report();
  },

  list: (): readonly Arrival[] => arrivals.list,
  refusals: (): Refusal[] => [...refusals.values()],

  clear(): void {
    arrivals.clear();
    refusals.clear();
    seen.clear();
    bytes = 0;
  },
};

export type ReceiverHandlers = typeof handlers;
serve(handlers);
