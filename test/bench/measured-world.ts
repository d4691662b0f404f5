import { join } from 'node:path';
import { type LoadOptions, LoadWorld } from '../world/load-world.js';
import type { BenchOptions } from './bench.js';

const PROFILER = join(__dirname, 'profile.cjs');

/** The world for loads, of that shape, with the build that is measured and profiled if that was asked for. */
export function useWorld<T>(
  shape: LoadOptions,
  { root, profile }: Partial<BenchOptions>,
  work: (world: LoadWorld) => Promise<T>,
): Promise<T> {
  const env: Record<string, string> = profile
    ? { NODE_OPTIONS: `--require ${PROFILER}`, BENCH_PROFILE_DIR: profile }
    : {};
  return LoadWorld.use({ keepsBytes: true, ...(root ? { root } : {}), ...shape, env }, work);
}
