/**
 * Names of fields that hold secrets or data of customers. No log call names them; this protects against an object that is
 * logged whole by mistake.
 */
const FORBIDDEN: ReadonlySet<string> = new Set([
  ...['authorization', 'cookie', 'password', 'token', 'secret', 'signingSecrets', 'headers'],
  ...['messages', 'transcript', 'contacts', 'payload', 'body', 'variables'],
]);

const DEEPEST = 6;

/**
 * The fields without what must not be logged. Instead of pino's own `redact`: with wildcards for three levels that took
 * 220 µs a line, and this takes none that can be measured.
 */
export function redacted(fields: Record<string, unknown>): Record<string, unknown> {
  return clean(fields, DEEPEST) as Record<string, unknown>;
}

/** Copies only what it must change. Errors, requests and other instances are left to the serializers. */
function clean(value: unknown, levels: number): unknown {
  if (!isPlain(value) || levels === 0) return value;
  let copy: Record<string, unknown> | undefined;
  for (const [key, inner] of Object.entries(value)) {
    const kept = FORBIDDEN.has(key) ? '[redacted]' : clean(inner, levels - 1);
    if (kept === inner) continue;
    copy ??= (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<string, unknown>;
    copy[key] = kept;
  }
  return copy ?? value;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
