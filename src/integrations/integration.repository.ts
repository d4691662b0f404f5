import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model, QueryFilter, QueryOptions, UpdateQuery } from 'mongoose';
import { Clock } from '../persistence/clock.js';
import { Counter } from '../persistence/counter.js';
import { Secrets } from '../persistence/secrets.js';
import { IntegrationChanges } from './integration-changes.js';
import {
  type ClearHeader,
  type DisabledReason,
  INTEGRATION,
  type Integration,
  type IntegrationDocument,
  type SealedHeader,
  type SigningSecret,
} from './integration.schema.js';

/** The settings that an administrator makes. */
export interface IntegrationSettings {
  url: string;
  tenants: string[];
  headers: ClearHeader[];
  enabled: boolean;
  errorEmailRecipients: string[];
}

type Filter = QueryFilter<IntegrationDocument>;

/**
 * The collection `integrations`. Requests of administrators find an integration by organization and id together; only
 * deliveries, whose ids come from the service's own records, find it by id alone. A change that decides what is sent is
 * announced to all replicas.
 */
@Injectable()
export class IntegrationRepository {
  constructor(
    @InjectModel(INTEGRATION) private readonly model: Model<IntegrationDocument>,
    private readonly counter: Counter,
    private readonly clock: Clock,
    private readonly secrets: Secrets,
    private readonly changes: IntegrationChanges,
  ) {}

  async findById(id: number): Promise<Integration | null> {
    return toIntegration(await this.model.findById(id).lean<IntegrationDocument>());
  }

  async findByIds(ids: readonly number[]): Promise<Integration[]> {
    return ids.length === 0 ? [] : this.find({ _id: { $in: ids } });
  }

  /** @returns the organization's integrations, the oldest first */
  async list(organizationId: string): Promise<Integration[]> {
    return this.find({ organizationId }, { sort: { _id: 1 } });
  }

  async findInOrganization(organizationId: string, id: number): Promise<Integration | null> {
    return toIntegration(await this.model.findOne({ _id: id, organizationId }).lean<IntegrationDocument>());
  }

  /** @param signingSecret the `whsec_…` that its deliveries are signed with from the start */
  async create(
    organizationId: string,
    settings: IntegrationSettings,
    by: string,
    signingSecret: string,
  ): Promise<Integration> {
    const now = new Date(this.clock.now());
    const created = await this.model.create({
      _id: await this.counter.next('integrations'),
      organizationId,
      ...this.seal(settings),
      createdAt: now,
      createdBy: by,
      modifiedAt: now,
      modifiedBy: by,
      signingSecrets: [{ secret: this.secrets.encrypt(signingSecret), createdAt: now }],
      version: 1,
    });
    return toIntegration(created.toObject())!;
  }

  /**
   * Changes the settings that are given and nothing else. Enabling removes the reason for which the service had disabled
   * it, and the days of failing are counted from zero.
   *
   * @param present as it was read: the change is made on that version alone
   * @returns null when there is none in that version any more
   */
  async change(present: Integration, settings: Partial<IntegrationSettings>, by: string): Promise<Integration | null> {
    const forget = settings.enabled ? { $unset: { disabledReason: 1, disabledAt: 1, failingSince: 1 } } : {};
    const change = {
      $set: { ...this.seal(settings), modifiedAt: new Date(this.clock.now()), modifiedBy: by },
      $inc: { version: 1 },
      ...forget,
    };
    const { organizationId, id, version } = present;
    return this.changes.announce(() => this.update(scoped(organizationId, id, version), change));
  }

  /** @returns false when there is no such integration (in that version) */
  async delete(organizationId: string, id: number, version?: number): Promise<boolean> {
    const filter = scoped(organizationId, id, version);
    return this.changes.announce(async () => (await this.model.deleteOne(filter)).deletedCount === 1);
  }

  /**
   * Makes `secret` the one in force.
   *
   * @param former those that sign beside it, as `formerSigningSecrets` gives them
   * @param at when it was made
   * @returns null when the integration was deleted or another change was faster (read it again)
   */
  async rotateSigningSecret(
    integration: Integration,
    secret: string,
    former: readonly SigningSecret[],
    at: Date,
  ): Promise<Integration | null> {
    const newest = { secret: this.secrets.encrypt(secret), createdAt: at };
    const change = { $set: { signingSecrets: [newest, ...former] }, $inc: { version: 1 } };
    const filter = scoped(integration.organizationId, integration.id, integration.version);
    return this.changes.announce(() => this.update(filter, change));
  }

  /** Disables it on behalf of the service. @returns false when it was disabled already: so only one mail is sent */
  async disable(id: number, reason: DisabledReason, at: Date): Promise<boolean> {
    const filter = { _id: id, enabled: true };
    const change = { $set: { enabled: false, disabledReason: reason, disabledAt: at }, $inc: { version: 1 } };
    return this.changes.announce(async () => (await this.model.updateOne(filter, change)).modifiedCount === 1);
  }

  /** Stores that an attempt failed. @returns the first failure since the last success; null when it was deleted */
  async noteFailure(id: number, at: Date): Promise<Date | null> {
    const updated = await this.update({ _id: id }, { $min: { failingSince: at } });
    return updated?.failingSince ?? null;
  }

  /** Stores that an attempt succeeded; writes only after a failure. @returns since when it had failed; else null */
  async noteSuccess(id: number, at: Date): Promise<Date | null> {
    const filter = { _id: id, failingSince: { $exists: true } };
    const change = { $unset: { failingSince: 1 }, $set: { recoveredAt: at } };
    const before = await this.model.findOneAndUpdate(filter, change, { returnDocument: 'before' }).lean();
    return before?.failingSince ?? null;
  }

  /** @throws SecretError when the key that sealed them is no longer configured */
  openHeaders(integration: Pick<Integration, 'headers'>): ClearHeader[] {
    return integration.headers.map(({ name, value }) => ({ name, value: this.secrets.decrypt(value) }));
  }

  /**
   * @param now epoch milliseconds
   * @returns the `whsec_…` secrets that sign now, the one in force first; empty when it has none
   */
  activeSigningSecrets(integration: Pick<Integration, 'signingSecrets'>, now: number): string[] {
    return integration.signingSecrets
      .filter(({ expiresAt }) => !expiresAt || expiresAt.getTime() > now)
      .map(({ secret }) => this.secrets.decrypt(secret));
  }

  private async find(filter: Filter, options: QueryOptions = {}): Promise<Integration[]> {
    const documents = await this.model.find(filter, null, options).lean<IntegrationDocument[]>();
    return documents.map(integrationOf);
  }

  private async update(filter: Filter, change: UpdateQuery<IntegrationDocument>): Promise<Integration | null> {
    const options = { returnDocument: 'after' } as const;
    return toIntegration(await this.model.findOneAndUpdate(filter, change, options).lean<IntegrationDocument>());
  }

  private seal<T extends Partial<IntegrationSettings>>(settings: T): Omit<T, 'headers'> & { headers?: SealedHeader[] } {
    const { headers, ...others } = settings;
    return headers ? { ...others, headers: headers.map((header) => this.sealHeader(header)) } : others;
  }

  private sealHeader({ name, value }: ClearHeader): SealedHeader {
    return { name, value: this.secrets.encrypt(value) };
  }
}

/** Documents that an operator wrote by hand may have no version, which is read as 1. */
function scoped(organizationId: string, id: number, version?: number): Filter {
  if (version === undefined) return { _id: id, organizationId };
  return { _id: id, organizationId, version: version === 1 ? { $in: [1, null] } : version };
}

function toIntegration(document: IntegrationDocument | null): Integration | null {
  return document && integrationOf(document);
}

/** Documents that an operator wrote by hand may lack fields that have a default. */
export function integrationOf(document: IntegrationDocument): Integration {
  const { _id, ...rest } = document;
  return {
    ...rest,
    id: _id,
    headers: rest.headers ?? [],
    errorEmailRecipients: rest.errorEmailRecipients ?? [],
    signingSecrets: rest.signingSecrets ?? [],
    version: rest.version ?? 1,
  };
}
