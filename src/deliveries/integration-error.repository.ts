import { Injectable } from '@nestjs/common';
import { Database } from '../persistence/database.js';
import { duplicatesOf } from '../persistence/duplicates.js';

/** One failed attempt of a webhook, as admins see it. Collection `integration-errors`. No payload, no header value. */
export interface IntegrationError {
  /** `<completionId>/<destination>/<attempt>`, with `/<code>` where none could be made: written twice, it is one. */
  _id: string;
  integrationId: number;
  organizationId: string;
  sessionId: string;
  tenantId: string;
  attempt: number;
  at: Date;
  statusCode?: number;
  code: string;
  message: string;
  durationMs: number;
  nextAttemptAt?: Date;
  /** No further attempt is made by itself. */
  dead: boolean;
}

@Injectable()
export class IntegrationErrorRepository {
  constructor(private readonly database: Database) {}

  private get errors() {
    return this.database.connection.collection<IntegrationError>('integration-errors');
  }

  async add(errors: readonly IntegrationError[]): Promise<void> {
    await this.errors.insertMany([...errors], { ordered: false }).catch(duplicatesOf); // written by an earlier try
  }

  /** Removes errors from before `before`. @returns how many */
  async purge(before: Date): Promise<number> {
    return (await this.errors.deleteMany({ at: { $lt: before } })).deletedCount;
  }
}
