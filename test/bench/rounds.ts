import type { LoadWorld } from '../world/load-world.js';
import { cpuSeconds } from '../world/service/process-figures.js';
import type { ServiceProcess } from '../world/service/service-process.js';

/** The pause between two session checks, so that a round begins at once; the documented five minutes are idle time. */
export const OFTEN = { CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.02' };

/** Of one round: sessions a second, and CPU seconds of the process per 1,000 sessions. */
export interface Pace {
  rate: number;
  cpu: number;
}

/** @param run does the work of so many sessions and returns sessions a second */
export async function paceOf(pid: number, sessions: number, run: () => Promise<number>): Promise<Pace> {
  const before = cpuSeconds(pid);
  const rate = await run();
  return { rate, cpu: ((cpuSeconds(pid) - before) * 1000) / sessions };
}

/** Parked sessions are released to the service. */
export function paceOfService(world: LoadWorld, { pid }: ServiceProcess, sessions: number): Promise<Pace> {
  return paceOf(pid, sessions, async () => (await world.rateOfService(sessions)).perSecond);
}

/** @throws Error when it does not end with 0 */
export async function stopped(service: ServiceProcess): Promise<void> {
  const { code } = await service.stop();
  if (code !== 0) throw new Error(`the service ended with ${code}\n${service.tail()}`);
}
