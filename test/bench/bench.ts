/** How the benches were asked to run. */
export interface BenchOptions {
  /** Smaller counts, for CI and for a first look. */
  quick: boolean;
  /** Folder for .cpuprofile files of the measured services; absent: none are written. */
  profile?: string;
  /** Folder of the repository whose `dist` is measured; by default this one. */
  root?: string;
  /** Folder of another checkout, built and with its node_modules, that the line `cpu` compares with. */
  against?: string;
}

/** One measured figure: a ratio or a count, so that it means something on a machine that does other things too. */
export interface Figure {
  name: string;
  value: number;
  unit?: string;
  /** The limit that must be kept, and the one to aim at. Absent: the figure is only printed. */
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
  /** @throws DeliveryError when what was expected and what arrived do not agree: the run is void */
  run(options: BenchOptions): Promise<Figure[]>;
}

export const atLeast = (value: number): Limit => ({ atLeast: value });
export const atMost = (value: number): Limit => ({ atMost: value });
export const exactly = (value: number): Limit => ({ atLeast: value, atMost: value });

export function keeps(value: number, { atLeast: low = -Infinity, atMost: high = Infinity }: Limit): boolean {
  return value >= low && value <= high;
}
