import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Gives a process a core for its main thread; its other threads run beside the rest. */
export type GiveCore = (pid: number) => void;

/**
 * Keeps one core free of this process and of what it starts while `work` runs, for those whose speed is compared: what
 * is compared takes turns on it, and the engine, the platform and the receivers get out of its way. Without it, the
 * scheduler has a busy thread wait for up to a fifth of its time while the other core idles, by chance and not alike.
 * Where there is no `taskset` (util-linux) or only one core, everything runs everywhere.
 */
export async function withCoreApart<T>(work: (giveCore: GiveCore) => Promise<T>): Promise<T> {
  const last = availableParallelism() - 1;
  const everywhere = `0-${last}`;
  if (last < 1 || !pin(process.pid, `1-${last}`, 'all')) return work(() => undefined);
  try {
    return await work((pid) => void (pin(pid, `1-${last}`, 'all') && pin(pid, '0', 'main')));
  } finally {
    pin(process.pid, everywhere, 'all');
  }
}

function pin(pid: number, cores: string, threads: 'all' | 'main'): boolean {
  return spawnSync('taskset', [threads === 'all' ? '-acp' : '-cp', cores, String(pid)]).status === 0;
}
