import type { Collection } from 'mongodb';
import type { Completion } from '../../src/completions/completion.js';
import { type AttemptRecord, channelOf, type Delivery } from '../../src/completions/delivery.js';
import { type Arrival, type Arrivals, type ArrivalsReport, listed, nameOf, type Pair } from '../world/arrivals.js';

/** What the bookkeeper and the service's own record say together of all that was offered. */
export interface DeliveryCheck extends ArrivalsReport {
  /** Arrivals beyond the first of each pair, whatever their cause. */
  repeated: number;
  /** Of these, the ones whose attempt ended without an answer in time, as the delivery's log tells. */
  unanswered: number;
  /** Arrived under different webhook-ids, or another one than documented. */
  otherIds: string[];
  /** `unexplained` of the report, each with its times and its delivery's log. */
  withoutCause: string[];
  /** Deliveries that the record does not call delivered. */
  notDelivered: string[];
}

/** @param allowed how often a pair, by name, may have arrived again; attempts without an answer come on top */
export function checkDeliveries(
  arrivals: Arrivals,
  completions: readonly Completion[],
  allowed: ReadonlyMap<string, number>,
): DeliveryCheck {
  const bySession = new Map(completions.map((completion) => [completion.sessionId, completion]));
  const byPair = grouped(arrivals.list);
  const logOf = (pair: Pair) => deliveryOf(bySession.get(pair.sessionId), pair)?.log ?? [];
  const unansweredOf = (pair: Pair) => logOf(pair).filter(isUnanswered).length;
  const report = arrivals.report((pair) => (allowed.get(nameOf(pair)) ?? 0) + unansweredOf(pair));
  const expected = [...byPair.values()].filter(([first]) => arrivals.expects(first!));
  return {
    ...report,
    repeated: arrivals.list.length - byPair.size,
    unanswered: expected.reduce((sum, all) => sum + Math.min(all.length - 1, unansweredOf(all[0]!)), 0),
    otherIds: expected.filter(hasOtherId).map(([first]) => nameOf(first!)),
    withoutCause: report.unexplained.map((pair) => {
      const times = byPair.get(nameOf(pair))!.map(({ at }) => new Date(at).toISOString());
      return `${nameOf(pair)} at ${times.join(', ')}; log ${JSON.stringify(logOf(pair))}`;
    }),
    notDelivered: completions.flatMap(({ _id, deliveries }) =>
      deliveries
        .filter(({ state }) => state !== 'delivered')
        .map(({ destination, state, reason, lastError }) => `${_id} ${destination} ${state}: ${reason ?? lastError}`),
    ),
  };
}

/** Repetitions aside: what counts as their cause is the suite's own matter. */
export function deliveryProblems({ missing, unexpected, notDelivered, otherIds }: DeliveryCheck): string[] {
  return [
    ...listed('deliveries that did not arrive', missing.map(nameOf)),
    ...listed('deliveries that are not delivered', notDelivered),
    ...listed('arrived where nothing was expected', unexpected.map(nameOf)),
    ...listed('under a wrong webhook-id', otherIds),
  ];
}

/** @returns the arrivals whose outcome the database does not know (yet) */
export async function unrecorded(
  arrivals: readonly Arrival[],
  completions: Collection<Completion>,
): Promise<Arrival[]> {
  const ids = [...new Set(arrivals.map(({ sessionId }) => sessionId))];
  const found = await completions.find({ sessionId: { $in: ids } }).toArray();
  const known = new Map(found.map((completion) => [completion.sessionId, completion]));
  return arrivals.filter((arrival) => !isRecorded(arrival, known.get(arrival.sessionId)));
}

/** Delivered; or failed because the answer did not come in time: that is an outcome too, and the log shows it. */
function isRecorded(arrival: Arrival, completion: Completion | undefined): boolean {
  const delivery = deliveryOf(completion, arrival);
  if (!delivery) return false;
  const surveyId = arrival.destination.replace('survey:', '');
  if (delivery.state === 'delivered' || isTriggered(delivery, surveyId)) return true;
  return delivery.log.some((attempt) => isUnanswered(attempt) && attempt.at.getTime() >= arrival.at);
}

function deliveryOf(completion: Completion | undefined, pair: Pair): Delivery | undefined {
  return completion?.deliveries.find(({ destination }) => belongsTo(pair, destination));
}

/** Whether a pair belongs to the delivery with that destination in the completion: all surveys are one delivery. */
export function belongsTo({ destination }: Pair, ofDelivery: string): boolean {
  return destination.startsWith('survey:') ? channelOf(ofDelivery) === 'surveys' : destination === ofDelivery;
}

function isTriggered({ parts = [] }: Delivery, surveyId: string): boolean {
  return parts.some((part) => part.surveyId === surveyId && part.state === 'delivered');
}

function isUnanswered({ result, statusCode }: AttemptRecord): boolean {
  return result === 'failed' && statusCode === undefined;
}

function hasOtherId(all: readonly Arrival[]): boolean {
  const { sessionId, destination } = all[0]!;
  const documented = destination.startsWith('webhook:') ? destination.replace('webhook', sessionId) : undefined;
  return all.some(({ webhookId }) => webhookId !== documented);
}

function grouped(list: readonly Arrival[]): Map<string, Arrival[]> {
  const result = new Map<string, Arrival[]>();
  for (const arrival of list) {
    const name = nameOf(arrival);
    const known = result.get(name);
    if (known) known.push(arrival);
    else result.set(name, [arrival]);
  }
  return result;
}
