import { Injectable, NotFoundException, PreconditionFailedException } from '@nestjs/common';
import { Resending } from '../deliveries/resending.js';
import { IntegrationErrorsRepository } from './integration-errors.repository.js';
import type { IntegrationErrorResource, IntegrationResource } from './integration.dto.js';
import { IntegrationRepository } from './integration.repository.js';
import type { Integration } from './integration.schema.js';
import { IntegrationValidator } from './integration.validator.js';
import { newSigningSecret } from './signing-secret.js';

/** An integration for its reader, and the version that the answer's ETag tells. */
export interface VersionedResource {
  resource: IntegrationResource;
  version: number;
}

/** What administrators do with the integrations of their organization. Another organization's does not exist here. */
@Injectable()
export class IntegrationsService {
  constructor(
    private readonly integrations: IntegrationRepository,
    private readonly errors: IntegrationErrorsRepository,
    private readonly validator: IntegrationValidator,
    private readonly resending: Resending,
  ) {}

  async create(organizationId: string, body: unknown, by: string): Promise<VersionedResource> {
    const settings = await this.validator.settingsOf(organizationId, body);
    return this.shown(await this.integrations.create(organizationId, settings, by, newSigningSecret()));
  }

  async list(organizationId: string): Promise<IntegrationResource[]> {
    const found = await this.integrations.list(organizationId);
    return found.map((integration) => this.shown(integration).resource);
  }

  async get(organizationId: string, id: number): Promise<VersionedResource> {
    return this.shown(await this.find(organizationId, id));
  }

  /**
   * What is still owed to an integration is dropped when it is disabled, and so is not sent when it is enabled again.
   *
   * @param version when given, the change is refused with 412 if somebody else came first
   */
  async replace(
    organizationId: string,
    id: number,
    body: unknown,
    by: string,
    version?: number,
  ): Promise<VersionedResource> {
    const settings = await this.validator.settingsOf(organizationId, body);
    const replaced = await this.integrations.replace(organizationId, id, settings, by, version);
    if (!replaced) return this.refuseChange(organizationId, id);
    if (!replaced.enabled) await this.resending.drop(id, 'the integration was disabled by an administrator');
    return this.shown(replaced);
  }

  /** @param version as for `replace` */
  async delete(organizationId: string, id: number, version?: number): Promise<void> {
    if (!(await this.integrations.delete(organizationId, id, version))) await this.refuseChange(organizationId, id);
    await this.resending.drop(id, 'the integration was removed');
  }

  async listErrors(organizationId: string, id: number): Promise<IntegrationErrorResource[]> {
    return (await this.errors.newest(organizationId, id)) ?? missing();
  }

  /** @throws NotFoundException when the organization has no such integration */
  async find(organizationId: string, id: number): Promise<Integration> {
    return (await this.integrations.findInOrganization(organizationId, id)) ?? missing();
  }

  private async refuseChange(organizationId: string, id: number): Promise<never> {
    await this.find(organizationId, id);
    throw new PreconditionFailedException('the integration was changed meanwhile; read it again');
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

function missing(): never {
  throw new NotFoundException('this organization has no such integration');
}
