import { waitFor } from '../support/wait-for.js';
import type { LoadWorld } from '../world/load-world.js';

/** Variables of a service whose checks are held: a check that waits at its list of tenants does not time out. */
export const HELD = { CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.01', SESSION_SERVICE_REQUEST_TIMEOUT: '600000' };
const CHECKED_WITHIN_MS = 300_000;

/**
 * Session checks that begin when the bench says so: hbf-core holds each at its list of tenants. So what is measured is
 * one whole check, and idle processes ask for nothing.
 */
export class HeldChecks {
  private constructor(private readonly world: LoadWorld) {}

  /** Called before the first service starts. */
  static async of(world: LoadWorld): Promise<HeldChecks> {
    await world.core.call('holdChecks');
    return new HeldChecks(world);
  }

  /** Waits until a check of each of so many processes is about to begin. */
  async about(processes: number): Promise<void> {
    const held = async () => (await this.world.core.call('checksHeld')) === processes;
    await waitFor(`${processes} checks to be held`, held, { timeoutMs: CHECKED_WITHIN_MS, intervalMs: 50 });
  }

  /** One check of each of so many processes. @returns how often each tenant was asked for, and when the last one was */
  async once(processes = 1) {
    await this.about(processes);
    await this.world.core.call('forgetLists');
    await this.world.core.call('letChecksIn');
    await this.about(processes);
    return this.world.core.call('lists');
  }
}
