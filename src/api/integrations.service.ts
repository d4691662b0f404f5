import { Injectable, NotFoundException, PreconditionFailedException } from '@nestjs/common';
import { Redelivery } from '../completions/redelivery.js';
import type { IntegrationDto, IntegrationResource } from './integrations.dto.js';
import { IntegrationRepository, type IntegrationSettings } from '../integrations/integration.repository.js';
import type { Integration } from '../integrations/integration.schema.js';
import { IntegrationLimits } from './integration-limits.js';
import { TenantOwnership } from './tenant-ownership.js';
import type { IntegrationParams } from './params.dto.js';
import { newSigningSecret } from '../integrations/signing-secret.js';

/** An integration as it is answered, and its version for the ETag. */
export interface VersionedResource {
  resource: IntegrationResource;
  version: number;
}

/** The integrations of an organization. One of another organization is answered as if it did not exist (404). */
@Injectable()
export class IntegrationsService {
  constructor(
    private readonly integrations: IntegrationRepository,
    private readonly tenants: TenantOwnership,
    private readonly limits: IntegrationLimits,
    private readonly redelivery: Redelivery,
  ) {}

  /** @param by the caller's name, by which the change is signed */
  async create(organizationId: string, dto: IntegrationDto, by: string): Promise<VersionedResource> {
    await this.tenants.check(organizationId, dto.tenants);
    const write = () => this.integrations.create(organizationId, settingsOf(dto), by, newSigningSecret());
    return this.shown(await this.limits.around(organizationId, dto, () => Promise.resolve(undefined), write));
  }

  async list(organizationId: string): Promise<IntegrationResource[]> {
    const found = await this.integrations.list(organizationId);
    return found.map((integration) => this.shown(integration).resource);
  }

  async get({ orgId, integrationId }: IntegrationParams): Promise<VersionedResource> {
    return this.shown(await this.find(orgId, integrationId));
  }

  /**
   * Pending deliveries of an integration that is disabled are cancelled: they are not sent when it is enabled again.
   *
   * @param version when given, the change is refused with 412 if the integration has another one
   */
  async replace(
    { orgId, integrationId }: IntegrationParams,
    dto: IntegrationDto,
    by: string,
    version?: number,
  ): Promise<VersionedResource> {
    const present = await this.find(orgId, integrationId);
    if (version !== undefined && version !== present.version) throw changed();
    await this.tenants.check(orgId, dto.tenants);
    const write = () => this.integrations.replace(orgId, integrationId, settingsOf(dto), by, version);
    const replaced = await this.limits.around(orgId, dto, () => this.find(orgId, integrationId), write);
    if (!replaced) return this.refuseChange(orgId, integrationId);
    if (!replaced.enabled) {
      await this.redelivery.cancel(integrationId, 'the integration was disabled by an administrator');
    }
    return this.shown(replaced);
  }

  /** @param version as for `replace` */
  async delete({ orgId, integrationId }: IntegrationParams, version?: number): Promise<void> {
    const deleted = await this.integrations.delete(orgId, integrationId, version);
    if (!deleted) await this.refuseChange(orgId, integrationId);
    await this.redelivery.cancel(integrationId, 'the integration was removed');
  }

  /** @throws NotFoundException when the organization has no such integration */
  async find(organizationId: string, id: number): Promise<Integration> {
    const found = await this.integrations.findInOrganization(organizationId, id);
    if (!found) throw new NotFoundException('this organization has no such integration');
    return found;
  }

  private async refuseChange(organizationId: string, id: number): Promise<never> {
    await this.find(organizationId, id);
    throw changed();
  }

  private shown(integration: Integration): VersionedResource {
    const { disabledReason, disabledAt, failingSince } = integration;
    const resource: IntegrationResource = {
      id: integration.id,
      url: integration.url,
      tenants: integration.tenants,
      headers: this.integrations.openHeaders(integration),
      enabled: integration.enabled,
      errorEmailRecipients: integration.errorEmailRecipients,
      createdAt: integration.createdAt,
      createdBy: integration.createdBy,
      modifiedAt: integration.modifiedAt,
      modifiedBy: integration.modifiedBy,
      ...(disabledReason && { disabledReason }),
      ...(disabledAt && { disabledAt }),
      ...(failingSince && { failingSince }),
    };
    return { resource, version: integration.version };
  }
}

function changed(): PreconditionFailedException {
  return new PreconditionFailedException('the integration was changed meanwhile; read it again');
}

function settingsOf({
  url,
  tenants,
  headers = [],
  enabled,
  errorEmailRecipients,
}: IntegrationDto): IntegrationSettings {
  return { url, tenants, headers, enabled, errorEmailRecipients };
}
