import { PlatformError } from './platform-error.js';

const GONE = 410;

/**
 * The answer of a service; undefined where it answers that it does not know what was asked for: 404 or 410.
 *
 * @throws any other PlatformError
 */
export async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    if (error.kind === 'not-found' || error.status === GONE) return undefined;
    throw error;
  }
}
