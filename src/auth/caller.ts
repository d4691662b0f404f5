import { createHash } from 'node:crypto';
import type { CurrentUser } from '../platform/core/current-user.dto.js';

const ADMIN_ROLE = 'HBF_ORG_ADMIN';

/**
 * Who may use the REST API of an organization: moderators of the platform and the organization's administrators.
 * Effective roles (group roles included) decide alone where hbf-core tells them. See docs/platform.md.
 */
export function mayAdminister(user: CurrentUser, organizationId: string): boolean {
  if (user.isModerator) return true;
  const roles = user.effectiveRoles?.organizationRoles ?? user.organizationRoles;
  return roles.get(organizationId)?.includes(ADMIN_ROLE) ?? false;
}

/** How a change is signed: the caller's e-mail, else id. */
export function nameOf(user: CurrentUser): string {
  return user.email ?? user.id;
}

/** @param header the Authorization header; @returns undefined when it carries no bearer token */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +([^\s]+) *$/i.exec(header ?? '')?.[1];
}

/** By which a token is remembered, instead of itself. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

/**
 * Whether a JWT says of itself that its time is over. Nothing verifies that: it may explain why hbf-core refuses a token,
 * and decides nothing.
 *
 * @param now epoch milliseconds
 */
export function claimsExpiry(token: string, now: number): boolean {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
      exp?: unknown;
    };
    return typeof claims.exp === 'number' && claims.exp * 1_000 <= now;
  } catch {
    return false; // no JWT
  }
}
