import type { Tenant } from '../platform/core/tenant.dto.js';
import type { TenantUsage } from '../platform/core/tenant-usage.dto.js';

/** The limit that a tenant exceeds. */
export interface Excess {
  limit: 'maxNumOfSessions' | 'maxNumOfUserMessages';
  used: number;
  allowed: number;
}

/** @returns undefined while usage is within the limits; without a limit or a count there is no excess */
export function excessOf(
  { sessions, userMessages }: Pick<TenantUsage, 'sessions' | 'userMessages'>,
  { maxSessions, maxUserMessages }: Pick<Tenant, 'maxSessions' | 'maxUserMessages'>,
): Excess | undefined {
  if (isOver(sessions, maxSessions)) return { limit: 'maxNumOfSessions', used: sessions!, allowed: maxSessions! };
  if (!isOver(userMessages, maxUserMessages)) return undefined;
  return { limit: 'maxNumOfUserMessages', used: userMessages!, allowed: maxUserMessages! };
}

function isOver(used: number | undefined, allowed: number | undefined): boolean {
  return used !== undefined && allowed !== undefined && allowed > 0 && used > allowed;
}
