import { isRetryable, PlatformError } from '../../platform/platform-error.js';
import type { AttemptOutcome } from '../../completions/attempt-outcome.js';

/** Makes a call to one of the platform's services, just begun, an attempt's outcome. Others than PlatformErrors pass. */
export async function outcomeOf(call: Promise<{ status: number }>): Promise<AttemptOutcome> {
  const startedAt = performance.now();
  try {
    const { status } = await call;
    return { result: 'delivered', statusCode: status, durationMs: performance.now() - startedAt };
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
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
