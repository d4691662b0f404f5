import { isRetryable, PlatformError } from '../../platform/platform-error.js';
import type { AttemptOutcome } from '../../completions/attempt-outcome.js';

/** What this process cut off while it stopped: neither the service nor the call is to blame, and it is due at once. */
export interface Stopped {
  result: 'postponed';
  code: string;
  message: string;
  delayMs: 0;
}

/** Makes a call to one of the platform's services, just begun, an attempt's outcome. Others than PlatformErrors pass. */
export async function outcomeOf(call: Promise<{ status: number }>): Promise<AttemptOutcome | Stopped> {
  const startedAt = performance.now();
  try {
    const { status } = await call;
    return { result: 'delivered', statusCode: status, durationMs: performance.now() - startedAt };
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    if (error.code === 'stopped') return { result: 'postponed', code: error.code, message: error.message, delayMs: 0 };
    return {
      result: 'failed',
      ...(error.status === undefined ? {} : { statusCode: error.status }),
      code: error.code,
      message: error.message,
      durationMs: performance.now() - startedAt,
      // A refused token (401, 403) or a wrong address (404) is mended by an operator within the days that the schedule
      // gives; an ingress answers 404 as well while a service is being deployed.
      retryable: isRetryable(error) || error.kind === 'unauthorized' || error.kind === 'not-found',
      ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    };
  }
}

/**
 * As outcomeOf, of a call that starts flows. A time-out of the call itself does not say that they did not run; where
 * nothing was sent (no connection), the outcome is known.
 */
export async function triggerOutcome(call: Promise<{ status: number }>): Promise<AttemptOutcome | Stopped> {
  const outcome = await outcomeOf(call);
  return outcome.result === 'failed' && outcome.code === 'timeout' ? { ...outcome, timedOut: true } : outcome;
}
