import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Database } from '../persistence/database.js';
import { JobLease } from '../persistence/job-lease.js';
import { type SealedSecret, Secrets } from '../persistence/secrets.js';
import type { IntegrationDocument } from './integration.schema.js';

const LEASE_MS = 300_000;

/**
 * The second half of a key rotation: with old keys configured, what they sealed is sealed anew with the present key at
 * start, by one replica. When the log says that none was left over, the old keys can go.
 */
@Injectable()
export class Resealing implements OnApplicationBootstrap {
  private readonly logger = new Logger(Resealing.name);

  constructor(
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
    const integrations = this.database.connection.collection<IntegrationDocument>('integrations');
    const found = { resealed: 0, left: 0 };
    for await (const integration of integrations.find({})) {
      const { _id, version, headers = [], signingSecrets = [] } = integration;
      const sealed = [...headers.map(({ value }) => value), ...signingSecrets.map(({ secret }) => secret)];
      if (sealed.every(({ keyId }) => keyId === this.secrets.keyId)) continue;
      try {
        const anew = {
          headers: headers.map((header) => ({ ...header, value: this.anew(header.value) })),
          signingSecrets: signingSecrets.map((entry) => ({ ...entry, secret: this.anew(entry.secret) })),
        };
        // only as it was read: an admin's change that came between is sealed with the present key already
        const { modifiedCount } = await integrations.updateOne({ _id, version }, { $set: anew });
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
