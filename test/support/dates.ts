/** What a date can look like in JSON that hbf-core tells. */
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const isEpochMs = (value: number) => Number.isInteger(value) && value > 1e12 && value < 1e13;

/**
 * The same value with every date in it `ms` milliseconds earlier, however deep it lies: a Date, an ISO 8601 text in UTC,
 * or a whole number that is a time of this century in epoch milliseconds. What holds no date is copied as it is.
 */
export function aged<T>(value: T, ms: number): T;
export function aged(value: unknown, ms: number): unknown {
  if (value instanceof Date) return new Date(value.getTime() - ms);
  if (typeof value === 'number') return isEpochMs(value) ? value - ms : value;
  if (typeof value === 'string') return ISO.test(value) ? new Date(Date.parse(value) - ms).toISOString() : value;
  if (Array.isArray(value)) return value.map((one: unknown) => aged(one, ms));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, aged(one, ms)]));
}

/** Every Date in a document, with its path as MongoDB writes it (`deliveries.0.dueAt`). */
export function* datesIn(value: unknown, path = ''): Generator<[path: string, date: Date]> {
  if (value instanceof Date) yield [path, value];
  else if (Array.isArray(value) || isPlainObject(value)) {
    const prefix = path === '' ? '' : `${path}.`;
    for (const [name, one] of Object.entries(value)) yield* datesIn(one, prefix + name);
  }
}

/** No ObjectId, Binary or other class of BSON. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
