import { waitFor } from '../../support/wait-for.js';
import { DeliveryError } from '../../world/load-world.js';
import { atMost, type Bench } from '../bench.js';
import { useWorld } from '../measured-world.js';

const CHECKS = 4;

/** Calls to hbf-core of checks that find nothing: very many tenants, very many sessions, none of them expired. */
export const idle: Bench = {
  name: 'idle',
  run({ quick, ...options }) {
    const [tenants, sessions] = quick ? [500, 5_000] : [5_000, 200_000];
    const limits = quick ? {} : { must: atMost(120), aim: atMost(60) };
    const shape = { tenants, hooksPerTenant: 0, analyses: false, thresholdSeconds: 3_600 };
    return useWorld(shape, options, async (world) => {
      const load = { tenants: world.tenants, count: sessions, ageMs: 60_000 };
      await world.core.call('addSessions', load);
      // time-outs are not what is counted here: one process simulates a platform of 200,000 sessions
      const env = { CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.01', SESSION_SERVICE_REQUEST_TIMEOUT: '60000' };
      await world.startService(env);
      const calls = await waitFor(
        `${CHECKS} checks`,
        async () => {
          const perCheck = await world.core.call('callsPerCheck');
          return perCheck.length > CHECKS ? perCheck : undefined;
        },
        { timeoutMs: 180_000, intervalMs: 200 },
      );
      const routes = await world.core.call('calls');
      if (routes['PATCH /chat-sessions/batch/complete']! > 0)
        throw new DeliveryError('a session was completed that had not ended');
      const note = `${tenants} tenants, ${sessions} active sessions`;
      return [
        { name: 'hbf-core calls of the first check', value: calls[0]!, ...limits, note },
        { name: 'hbf-core calls of the second check', value: calls[1]!, ...limits },
        { name: 'hbf-core calls of the third check', value: calls[2]!, ...limits },
      ];
    });
  },
};
