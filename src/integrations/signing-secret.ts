import { randomBytes } from 'node:crypto';

/** A new secret as Standard Webhooks writes it: 256 random bits behind `whsec_`. */
export function newSigningSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
