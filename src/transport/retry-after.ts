/**
 * Reads a Retry-After header: seconds or an HTTP date (RFC 9110, 10.2.3).
 *
 * @param nowMs epoch milliseconds, from which the wait until a date is computed
 * @returns milliseconds from `nowMs`, 0 for a date that has passed; undefined when the header is neither
 */
export function readRetryAfter(header: unknown, nowMs: number): number | undefined {
  const first: unknown = Array.isArray(header) ? header[0] : header;
  const text = typeof first === 'string' ? first.trim() : '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // an HTTP date begins with the day's name; Date.parse alone would take "-5" for one
  const at = /^[A-Z][a-z]+, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
