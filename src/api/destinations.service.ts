import { Injectable } from '@nestjs/common';
import { channelOf, integrationIdOf } from '../completions/delivery.js';
import { DestinationList } from '../completions/destination-list.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import type { ListedDestinationResource } from './destinations.dto.js';

/** The destinations of all organizations, for the operators. */
@Injectable()
export class DestinationsService {
  constructor(
    private readonly destinations: DestinationList,
    private readonly integrations: IntegrationRepository,
  ) {}

  async list(limit: number): Promise<ListedDestinationResource[]> {
    const found = await this.destinations.list(limit);
    const ids = found.flatMap(({ destination }) => integrationIdOf(destination) ?? []);
    const integrations = new Map((await this.integrations.findByIds(ids)).map((one) => [one.id, one]));
    return found.map((one) => {
      const integration = integrations.get(integrationIdOf(one.destination) ?? NaN);
      return {
        ...one,
        channel: channelOf(one.destination),
        ...(integration && { organizationId: integration.organizationId, host: hostOf(integration.url) }),
      };
    });
  }
}

/** Neither user, path nor query, which may hold secrets. Undefined where an operator wrote what is no URL. */
function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}
