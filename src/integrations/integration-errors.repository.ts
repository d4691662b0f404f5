import { Injectable } from '@nestjs/common';
import type { IntegrationError } from '../deliveries/integration-error.repository.js';
import { Database } from '../persistence/database.js';
import type { IntegrationErrorResource } from './integration.dto.js';
import type { IntegrationDocument } from './integration.schema.js';

const MAX_ERRORS = 1_000;

/** Reads the collection `integration-errors`, which the deliveries write. */
@Injectable()
export class IntegrationErrorsRepository {
  constructor(private readonly database: Database) {}

  /**
   * One round trip tells whether the organization has the integration, and its newest errors.
   *
   * @returns at most 1,000, newest first; null when the organization has no such integration
   */
  async newest(organizationId: string, integrationId: number): Promise<IntegrationErrorResource[] | null> {
    const [found] = await this.integrations
      .aggregate<{ errors: IntegrationError[] }>(newestErrors(organizationId, integrationId))
      .toArray();
    return found ? found.errors.map(toResource) : null;
  }

  private get integrations() {
    return this.database.connection.collection<IntegrationDocument>('integrations');
  }
}

/** The sort and limit are part of the look-up, so that the index on integrationId and at answers them. */
export function newestErrors(organizationId: string, integrationId: number): Record<string, unknown>[] {
  return [
    { $match: { _id: integrationId, organizationId } },
    {
      $lookup: {
        from: 'integration-errors',
        localField: '_id',
        foreignField: 'integrationId',
        pipeline: [{ $sort: { at: -1 } }, { $limit: MAX_ERRORS }],
        as: 'errors',
      },
    },
    { $project: { errors: 1 } },
  ];
}

function toResource(error: IntegrationError): IntegrationErrorResource {
  const { statusCode, nextAttemptAt } = error;
  return {
    id: error._id,
    integrationId: error.integrationId,
    sessionId: error.sessionId,
    tenantId: error.tenantId,
    attempt: error.attempt,
    at: error.at,
    ...(statusCode !== undefined && statusCode !== null && { statusCode }),
    code: error.code,
    message: error.message,
    durationMs: error.durationMs,
    ...(nextAttemptAt && { nextAttemptAt }),
    dead: error.dead,
  };
}
