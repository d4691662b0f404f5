/** How the benches were asked to run. */
export interface BenchOptions {
  /** Smaller counts, for CI and for a first look. */
  quick: boolean;
  /** Folder for .cpuprofile files of the measured services; absent: none are written. */
  profile?: string;
  /** Folder of the repository whose `dist` is measured; by default this one. */
  root?: string;
}

/** One measured figure: a ratio or a count, so that it means something on a machine that does other things too. */
export interface Figure {
  name: string;
  value: number;
  unit?: string;
  /** The limit that must be kept, and the one to aim at. Absent: the figure is only told. */
  must?: Limit;
  aim?: Limit;
  /** What it was made of. */
  note?: string;
}

export interface Limit {
  atLeast?: number;
  atMost?: number;
}

export interface Bench {
  name: string;
  /** @throws LedgerError when what was owed and what was accepted do not agree: the run is void */
  run(options: BenchOptions): Promise<Figure[]>;
}

/** A session's destination never heard of it, or the platform was asked what no contract knows. */
export class LedgerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LedgerError';
  }
}

export const atLeast = (value: number): Limit => ({ atLeast: value });
export const atMost = (value: number): Limit => ({ atMost: value });

export function keeps(value: number, { atLeast: low = -Infinity, atMost: high = Infinity }: Limit): boolean {
  return value >= low && value <= high;
}

/** @param share 0.99 for p99 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Epoch milliseconds with fractions: comparable between processes of one machine. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}
