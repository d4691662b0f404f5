import { PlatformError } from './platform-error.js';

const GONE = 410;

/**
 * The answer of a service; undefined where it answers that it does not know what was asked for: 404, 410 or one of
 * `otherStatuses`.
 *
 * @throws any other PlatformError
 */
export async function unlessMissing<T>(answer: Promise<T>, ...otherStatuses: number[]): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    if (error.kind === 'not-found' || isOneOf(error, [GONE, ...otherStatuses])) return undefined;
    throw error;
  }
}

function isOneOf({ status }: PlatformError, statuses: readonly number[]): boolean {
  return status !== undefined && statuses.includes(status);
}
