import type { NewTenant } from '../world/platform/core-store.js';
import type { PlatformSimulator } from '../world/platform/platform-simulator.js';

/** The customers of the sandbox. Time-outs are seconds instead of minutes, so that there is something to look at. */
export const TENANTS: readonly NewTenant[] = [
  { id: 'hermes-shop', organizationId: 'hermes', expireAfterSeconds: 3, crm: true, summarizes: true },
  { id: 'hermes-hr', organizationId: 'hermes', expireAfterSeconds: 5 },
  { id: 'athena-cards', organizationId: 'athena', expireAfterSeconds: 4, summarizes: true },
  { id: 'athena-loans', organizationId: 'athena' },
  { id: 'orion-help', organizationId: 'orion', expireAfterSeconds: 0, crm: true },
];

/** For athena-loans, which sets none, and orion-help, whose 0 counts as none. */
export const DEFAULT_THRESHOLD_SECONDS = 6;

export interface SandboxIntegration {
  id: number;
  organizationId: string;
  tenants: string[];
  receiver: 'steady' | 'moody';
  signed: boolean;
  enabled?: boolean;
  note: string;
}

export const INTEGRATIONS: readonly SandboxIntegration[] = [
  { id: 1, organizationId: 'hermes', tenants: ['hermes-shop', 'hermes-hr'], receiver: 'steady', signed: true, note: 'all is well' }, // prettier-ignore
  { id: 2, organizationId: 'athena', tenants: ['athena-cards'], receiver: 'moody', signed: true, note: 'fails now and then' }, // prettier-ignore
  { id: 3, organizationId: 'athena', tenants: ['athena-cards', 'athena-loans'], receiver: 'steady', signed: false, note: 'unsigned' }, // prettier-ignore
  { id: 4, organizationId: 'orion', tenants: ['hermes-shop'], receiver: 'steady', signed: false, note: "another organization's tenant: must get nothing" }, // prettier-ignore
  { id: 5, organizationId: 'orion', tenants: ['orion-help'], receiver: 'steady', signed: false, enabled: false, note: 'disabled: must get nothing' }, // prettier-ignore
];

export const ADMIN_TOKEN = 'sandbox-admin';
export const MODERATOR_TOKEN = 'sandbox-moderator';

export function populate(platform: PlatformSimulator): void {
  for (const tenant of TENANTS) platform.core.addTenant({ autoTrain: true, ...tenant });
  platform.core.addUser({
    token: ADMIN_TOKEN,
    email: 'admin@hermes.example.com',
    organizationRoles: { hermes: ['HBF_ORG_ADMIN'], athena: ['HBF_ORG_ADMIN'], orion: ['HBF_ORG_ADMIN'] },
  });
  platform.core.addUser({ token: MODERATOR_TOKEN, email: 'moderator@platform.example.com', isModerator: true });
  platform.core.addPipeline({ id: 'hermes-en', tenantId: 'hermes-shop', nlpService: 'HBF_NLP' });
}

/** The destinations of a session of that tenant once it has ended, its surveys aside. */
export function destinationsOf(tenantId: string, containsUserInteraction: boolean): string[] {
  const tenant = TENANTS.find(({ id }) => id === tenantId)!;
  const destinations = [`flow:${tenantId}`];
  if (tenant.summarizes && containsUserInteraction) destinations.push(`analysis:${tenantId}`);
  for (const { id, organizationId, tenants, enabled = true } of INTEGRATIONS) {
    if (enabled && organizationId === tenant.organizationId && tenants.includes(tenantId))
      destinations.push(`webhook:${id}`);
  }
  return destinations;
}
