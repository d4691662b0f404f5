import type { DeliveryPage, DeliveryResource, SessionDeliveriesResource } from '../../src/integrations/delivery.dto.js';
import type { IntegrationErrorResource, IntegrationResource } from '../../src/integrations/integration.dto.js';
import type { ErrorBody } from '../../src/operations/error-body.js';
import type { Round } from './round.fixture.js';

/** What JSON makes of a resource: dates are texts. */
export type Json<T> = T extends Date ? string : T extends (infer U)[] ? Json<U>[] : T extends object ? { [K in keyof T]: Json<T[K]> } : T; // prettier-ignore

export interface Answer<T> {
  status: number;
  body: T;
  text: string;
}

/** An administrator of one organization, over HTTP. */
export class Admin {
  /** @param organizationId made known to the platform's hbf-core */
  constructor(
    private readonly round: Round,
    readonly organizationId: string,
  ) {
    const organizationRoles = { [organizationId]: ['HBF_ORG_ADMIN'] };
    round.core.addUser({ token: this.token, id: `admin-of-${organizationId}`, organizationRoles });
  }

  get token(): string {
    return `token-of-${this.organizationId}`;
  }

  /** @param path below `/organizations/:orgId` */
  async call<T = ErrorBody>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const response = await fetch(`${this.round.service.url}/organizations/${this.organizationId}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as T, text };
  }

  deliveries(integrationId: number, query: Record<string, string> = {}): Promise<Answer<Json<DeliveryPage>>> {
    return this.call('GET', `/integrations/${integrationId}/deliveries?${new URLSearchParams(query).toString()}`);
  }

  delivery(integrationId: number, id: string): Promise<Answer<Json<DeliveryResource>>> {
    return this.call('GET', `/integrations/${integrationId}/deliveries/${encodeURIComponent(id)}`);
  }

  retry(integrationId: number, id: string): Promise<Answer<Json<DeliveryResource> & Json<ErrorBody>>> {
    return this.call('POST', `/integrations/${integrationId}/deliveries/${encodeURIComponent(id)}/retry`);
  }

  recover(
    integrationId: number,
    body: object,
  ): Promise<Answer<{ recovered: number; more: boolean } & Json<ErrorBody>>> {
    return this.call('POST', `/integrations/${integrationId}/recover`, body);
  }

  errors(integrationId: number): Promise<Answer<Json<IntegrationErrorResource>[]>> {
    return this.call('GET', `/integrations/errors/${integrationId}`);
  }

  session(sessionId: string): Promise<Answer<Json<SessionDeliveriesResource>>> {
    return this.call('GET', `/sessions/${encodeURIComponent(sessionId)}/deliveries`);
  }

  integration(id: number): Promise<Answer<Json<IntegrationResource>>> {
    return this.call('GET', `/integrations/${id}`);
  }

  /** Reads the integration and puts it back with the changes. */
  async change(id: number, changes: Partial<Json<IntegrationResource>>): Promise<Answer<Json<IntegrationResource>>> {
    const { url, tenants, headers, enabled, errorEmailRecipients } = (await this.integration(id)).body;
    const body = { url, tenants, headers, enabled, errorEmailRecipients, ...changes };
    return this.call('PUT', `/integrations/${id}`, body);
  }

  remove(id: number): Promise<Answer<unknown>> {
    return this.call('DELETE', `/integrations/${id}`);
  }
}
