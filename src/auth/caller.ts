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
