import { Injectable } from '@nestjs/common';
import { SessionSearch } from '../completions/session-search.js';
import { DeliveryCountsResource, type FoundSessionResource } from './session-search.dto.js';

const AT_MOST = 10;

/** Finds sessions whose id is known in part. */
@Injectable()
export class SessionSearchService {
  constructor(private readonly sessions: SessionSearch) {}

  /** @returns the first ten by id of those that have ended and are recorded */
  async byPrefix(organizationId: string, prefix: string): Promise<FoundSessionResource[]> {
    const found = await this.sessions.byPrefix(organizationId, prefix, AT_MOST);
    return found.map(({ deliveries, ...session }) => ({
      ...session,
      deliveries: DeliveryCountsResource.of(deliveries),
    }));
  }
}
