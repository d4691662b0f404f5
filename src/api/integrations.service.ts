import { ConflictException, Injectable, NotFoundException, PreconditionFailedException } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';
import { CircuitProbes } from '../completions/circuit-probes.js';
import { type CircuitState, CircuitStates } from '../completions/circuit-states.js';
import { webhookDestination } from '../completions/delivery.js';
import { Redelivery } from '../completions/redelivery.js';
import type { IntegrationDto, IntegrationPatchDto, IntegrationResource } from './integrations.dto.js';
import { IntegrationRepository, type IntegrationSettings } from '../integrations/integration.repository.js';
import type { Integration } from '../integrations/integration.schema.js';
import { IntegrationLimits } from './integration-limits.js';
import { TenantOwnership } from './tenant-ownership.js';
import type { IntegrationParams } from './params.dto.js';
import { newSigningSecret } from '../integrations/signing-secret.js';

/** How often a change is tried that others are faster than. */
const MAX_TRIES = 5;

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
    private readonly circuits: CircuitStates,
    private readonly probes: CircuitProbes,
  ) {}

  /**
   * @param by the caller's name, by which the change is signed
   * @returns the integration with its signing secret
   */
  async create(organizationId: string, settings: IntegrationSettings, by: string): Promise<VersionedResource> {
    await this.tenants.check(organizationId, settings.tenants);
    const signingSecret = newSigningSecret();
    const write = () => this.integrations.create(organizationId, settings, by, signingSecret);
    const created = await this.limits.around(organizationId, settings, () => Promise.resolve(undefined), write);
    const { resource, version } = await this.withCircuit(created);
    return { resource: { ...resource, signingSecret }, version };
  }

  async list(organizationId: string): Promise<IntegrationResource[]> {
    const found = await this.integrations.list(organizationId);
    const circuitOf = await this.circuits.of(found.map(({ id }) => webhookDestination(id)));
    return found.map((integration) => this.shown(integration, circuitOf(webhookDestination(integration.id))));
  }

  async get({ orgId, integrationId }: IntegrationParams): Promise<VersionedResource> {
    return this.withCircuit(await this.find(orgId, integrationId));
  }

  /**
   * Changes the settings that are given, under the version that was read; read again when somebody else was faster.
   * Pending deliveries of an integration that is disabled are cancelled: they are not sent when it is enabled again.
   * Where another URL, other headers or enabling may make it work again, an open circuit probes at once.
   *
   * @param version when given, the change is refused with 412 if the integration has another one
   * @throws ConflictException when others keep changing it
   */
  async change(
    { orgId, integrationId }: IntegrationParams,
    settings: Partial<IntegrationSettings>,
    by: string,
    version?: number,
  ): Promise<VersionedResource> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const present = await this.find(orgId, integrationId);
      if (version !== undefined && version !== present.version) throw changed();
      if (Object.keys(settings).length === 0) return this.withCircuit(present);
      const listed = new Set(present.tenants);
      await this.tenants.check(orgId, settings.tenants?.filter((id) => !listed.has(id)) ?? []);
      const wanted = { ...present, ...settings };
      const write = () => this.integrations.change(present, settings, by);
      const after = await this.limits.around(orgId, wanted, () => this.find(orgId, integrationId), write);
      if (!after) continue;
      if (!after.enabled) {
        await this.redelivery.cancel(integrationId, 'the integration was disabled by an administrator');
      } else if (this.mayWorkAgain(present, after)) {
        await this.probes.probeNow([webhookDestination(integrationId)]);
      }
      return this.withCircuit(after);
    }
    throw new ConflictException('others keep changing the integration; try again');
  }

  /** @param version as for `change` */
  async delete({ orgId, integrationId }: IntegrationParams, version?: number): Promise<void> {
    const deleted = await this.integrations.delete(orgId, integrationId, version);
    if (!deleted) await this.refuseChange(orgId, integrationId);
    await this.redelivery.cancel(integrationId, 'the integration was removed');
  }

  /**
   * @param organizationId undefined: of any organization, for moderators
   * @throws NotFoundException when there is no such integration
   */
  async find(organizationId: string | undefined, id: number): Promise<Integration> {
    const everywhere = organizationId === undefined;
    const found = everywhere
      ? await this.integrations.findById(id)
      : await this.integrations.findInOrganization(organizationId, id);
    if (found) return found;
    throw new NotFoundException(`${everywhere ? 'there is' : 'this organization has'} no such integration`);
  }

  /**
   * As `find`, for what is to be sent.
   *
   * @throws ConflictException when it is disabled
   */
  async findEnabled(organizationId: string | undefined, id: number): Promise<Integration> {
    const found = await this.find(organizationId, id);
    if (!found.enabled) throw new ConflictException('the integration is disabled: enable it first');
    return found;
  }

  private async refuseChange(organizationId: string, id: number): Promise<never> {
    await this.find(organizationId, id);
    throw changed();
  }

  private mayWorkAgain(before: Integration, after: Integration): boolean {
    if (before.url !== after.url || !before.enabled) return true;
    try {
      return !isDeepStrictEqual(this.integrations.openHeaders(before), this.integrations.openHeaders(after));
    } catch {
      return true; // the key that sealed the former ones is gone
    }
  }

  private async withCircuit(integration: Integration): Promise<VersionedResource> {
    const circuit = await this.circuits.ofOne(webhookDestination(integration.id));
    return { resource: this.shown(integration, circuit), version: integration.version };
  }

  private shown(integration: Integration, circuit: CircuitState): IntegrationResource {
    const { disabledReason, disabledAt, failingSince } = integration;
    return {
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
      circuit,
    };
  }
}

function changed(): PreconditionFailedException {
  return new PreconditionFailedException('the integration was changed meanwhile; read it again');
}

/** All settings, as POST and PUT give them. */
export function settingsOf(dto: IntegrationDto): IntegrationSettings {
  const { url, tenants, headers, enabled, errorEmailRecipients } = dto;
  return { url, tenants, headers: headers ?? [], enabled, errorEmailRecipients };
}

/** Those that PATCH gives. */
export function givenSettingsOf(dto: IntegrationPatchDto): Partial<IntegrationSettings> {
  const { headers, ...others } = dto;
  const given = Object.entries(others).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(given), ...(headers !== undefined && { headers: headers ?? [] }) };
}
