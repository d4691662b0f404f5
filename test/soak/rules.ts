import { mean } from '../support/figures.js';
import type { Sample } from './sampler.js';
import { CHECK_INTERVAL_MS } from './world.js';

/**
 * p99 of the time from the end of a session (by its tenant's threshold) to hbf-core's answer to the PATCH. A session
 * that ends just after a check has read its tenant waits for the rest of that check, the pause, and its turn in the
 * next check: as long as a check takes no more than one and a half pauses, that is at most four pauses.
 */
export const LATENESS_BOUND_MS = 4 * CHECK_INTERVAL_MS;
/** How much more there may be in the last fifth than in the second one, besides the constant. */
const GROWTH = 1.25;

export interface Trend {
  name: string;
  early: number;
  late: number;
  most: number;
}

interface Watched {
  name: string;
  of: (sample: Sample) => number;
  /** Variation by chance, which does not depend on the load's length. */
  constant: number;
}

function watched(perSecond: number): Watched[] {
  const perCheck = (perSecond * CHECK_INTERVAL_MS) / 1000;
  return [
    // what V8 leaves lying about between two full collections of a heap of this size
    { name: 'resident memory (MB)', of: (sample) => sample.rssMb, constant: 32 },
    // keep-alive connections of four slow endpoints at their eight attempts at once
    { name: 'open sockets', of: (sample) => sample.sockets, constant: 32 },
    // time-outs of the attempts that are under way, at most 64 over all destinations, and of idle connections
    { name: 'active timers', of: (sample) => sample.timers, constant: 64 },
    // a sample falls before or after a check has written down what it found
    { name: 'rows in completions, those pending at failing endpoints aside', of: keptRows, constant: perCheck },
    {
      name: 'open rows, those pending at failing endpoints aside',
      of: (sample) => sample.openRows,
      constant: perCheck,
    },
    { name: 'sessions ACTIVE in hbf-core', of: (sample) => sample.active, constant: perCheck },
  ];
}

/** Pure: the mean of the second fifth of the run against that of the last fifth; the first fifth is the start. */
export function trends(samples: readonly Sample[], perSecond: number): Trend[] {
  const fifth = samples.length / 5;
  const second = samples.slice(Math.round(fifth), Math.round(2 * fifth));
  const last = samples.slice(Math.round(4 * fifth));
  return watched(perSecond).map(({ name, of, constant }) => {
    const early = mean(second.map(of));
    return { name, early, late: mean(last.map(of)), most: early * GROWTH + constant };
  });
}

function keptRows({ rows, failingRows }: Sample): number {
  return rows - failingRows;
}
