import type { Tenant } from '../platform/core/tenant.dto.js';
import type { TenantUsage } from '../platform/core/tenant-usage.dto.js';

/** Which of its limits a tenant is over. */
export interface Excess {
  limit: 'maxNumOfSessions' | 'maxNumOfUserMessages';
  used: number;
  allowed: number;
}

/** @returns undefined while it has used no more than it may; no limit, or no count, is no excess */
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
