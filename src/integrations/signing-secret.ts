import { randomBytes } from 'node:crypto';
import type { SigningSecret } from './integration.schema.js';

/** A new secret as Standard Webhooks writes it: 256 random bits behind `whsec_`. */
export function newSigningSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/**
 * The secrets that sign beside a new one: those that sign now, for as long as they would, and for `forMs` at most.
 *
 * @param now epoch milliseconds
 */
export function formerSigningSecrets(secrets: readonly SigningSecret[], forMs: number, now: number): SigningSecret[] {
  const end = now + forMs;
  return secrets
    .map((one) => ({ ...one, expiresAt: new Date(Math.min(one.expiresAt?.getTime() ?? end, end)) }))
    .filter(({ expiresAt }) => expiresAt.getTime() > now);
}
