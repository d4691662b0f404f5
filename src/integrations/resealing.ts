import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { Config } from '../config/config.js';
import { Database } from '../persistence/database.js';
import { JobLease } from '../persistence/job-lease.js';
import { type SealedSecret, Secrets } from '../persistence/secrets.js';
import { INTEGRATION, type IntegrationDocument } from './integration.schema.js';

const LEASE_MS = 300_000;

/**
 * The second half of a key rotation: with old keys configured, one replica seals the secrets of the old keys anew with
 * the current key at start. When the log reports `left: 0`, the old keys can be removed from the configuration.
 */
@Injectable()
export class Resealing implements OnApplicationBootstrap {
  private readonly logger = new Logger(Resealing.name);

  constructor(
    @InjectModel(INTEGRATION) private readonly integrations: Model<IntegrationDocument>,
    private readonly config: Config,
    private readonly database: Database,
    private readonly lease: JobLease,
    private readonly secrets: Secrets,
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.secretsEncryptionOldKeys.length === 0) return;
    void this.database.whenReady().then(() => this.runUnderLease());
  }

  /** @returns how many integrations were sealed anew, and how many could not be (changed meanwhile, or unknown key) */
  async run(): Promise<{ resealed: number; left: number }> {
    const found = { resealed: 0, left: 0 };
    for await (const integration of this.integrations.find().lean<IntegrationDocument>().cursor()) {
      const { _id, version, headers = [], signingSecrets = [] } = integration;
      const sealed = [...headers.map(({ value }) => value), ...signingSecrets.map(({ secret }) => secret)];
      if (sealed.every(({ keyId }) => keyId === this.secrets.keyId)) continue;
      try {
        const anew = {
          headers: headers.map((header) => ({ ...header, value: this.anew(header.value) })),
          signingSecrets: signingSecrets.map((entry) => ({ ...entry, secret: this.anew(entry.secret) })),
        };
        // only the version that was read: an admin's change since then is sealed with the current key already
        const { modifiedCount } = await this.integrations.updateOne({ _id, version }, { $set: anew });
        if (modifiedCount === 1) found.resealed++;
        else found.left++;
      } catch (error) {
        found.left++;
        this.logger.error({ integrationId: _id, reason: (error as Error).message }, 'resealing.refused');
      }
    }
    return found;
  }

  private async runUnderLease(): Promise<void> {
    try {
      if (!(await this.lease.take('resealing', LEASE_MS))) return;
      const found = await this.run();
      this.logger.log({ ...found, keyId: this.secrets.keyId }, 'resealing.finished');
      await this.lease.release('resealing');
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'resealing.failed');
    }
  }

  private anew(sealed: SealedSecret): SealedSecret {
    return sealed.keyId === this.secrets.keyId ? sealed : this.secrets.encrypt(this.secrets.decrypt(sealed));
  }
}
