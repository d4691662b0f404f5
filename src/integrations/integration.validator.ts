import { BadRequestException, Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import { Config } from '../config/config.js';
import { urlRefusal, urlRulesOf } from '../deliveries/channels/address-filter.js';
import { violationsOf } from '../operations/violations.js';
import { CoreClient } from '../platform/core/core.client.js';
import { PlatformError } from '../platform/platform-error.js';
import { IntegrationDto, isTenantId, MAX_TENANTS, MAX_URL_LENGTH } from './integration.dto.js';
import type { IntegrationSettings } from './integration.repository.js';

/** Calls to hbf-core under way at once for one request. */
const TENANT_CHECKS_AT_ONCE = 16;
const MAX_TENANTS_NAMED = 10;

/** Tells all that is wrong with what an administrator wrote, in one answer. */
@Injectable()
export class IntegrationValidator {
  private readonly logger = new Logger(IntegrationValidator.name);

  constructor(
    private readonly core: CoreClient,
    private readonly config: Config,
  ) {}

  /**
   * @param body the JSON of a request, whatever it is; not nested deep (the global pipe sees to that)
   * @throws BadRequestException naming every violation
   * @throws ServiceUnavailableException when nothing else is wrong and hbf-core does not tell about the tenants
   */
  async settingsOf(organizationId: string, body: unknown): Promise<IntegrationSettings> {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw new BadRequestException(['body: must be a JSON object, sent as application/json']);
    }
    const dto = plainToInstance(IntegrationDto, body);
    const errors = await validate(dto, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true });
    const violations = [...violationsOf(errors), ...this.urlViolations(dto.url)];
    violations.push(...(await this.tenantViolations(organizationId, dto.tenants, violations.length > 0)));
    if (violations.length > 0) throw new BadRequestException(violations);
    const { url, tenants, headers = [], enabled, errorEmailRecipients } = dto;
    return { url, tenants, headers, enabled, errorEmailRecipients };
  }

  private urlViolations(url: unknown): string[] {
    if (typeof url !== 'string' || url.length > MAX_URL_LENGTH) return [];
    const refusal = urlRefusal(url, urlRulesOf(this.config));
    return refusal === undefined ? [] : [`url: ${refusal}`];
  }

  /** An administrator of one organization must not receive the transcripts of another's tenants. */
  private async tenantViolations(orgId: string, tenants: unknown, refusedAnyway: boolean): Promise<string[]> {
    if (!Array.isArray(tenants) || tenants.length > MAX_TENANTS) return [];
    try {
      const foreign = await this.foreignOf(orgId, [...new Set(tenants.filter(isTenantId))]);
      const shown = foreign.slice(0, MAX_TENANTS_NAMED).join(', ');
      const more = foreign.length > MAX_TENANTS_NAMED ? `, and ${foreign.length - MAX_TENANTS_NAMED} more` : '';
      return foreign.length === 0 ? [] : [`tenants: must be tenants of this organization, unlike ${shown}${more}`];
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      if (refusedAnyway) return [];
      this.logger.warn({ kind: error.kind, code: error.code }, 'integration.tenants-unchecked');
      throw new ServiceUnavailableException('hbf-core cannot be asked about the tenants; try again later');
    }
  }

  /** The workers share one generator: each id is asked for once, and the first failure ends it for all of them. */
  private async foreignOf(orgId: string, tenantIds: readonly string[]): Promise<string[]> {
    const foreign = new Set<string>();
    const left = eachOnce(tenantIds);
    const work = async (): Promise<void> => {
      for (const id of left) {
        if (!(await this.core.getTenant(orgId, id))) foreign.add(id);
      }
    };
    await Promise.all(Array.from({ length: TENANT_CHECKS_AT_ONCE }, work));
    return tenantIds.filter((id) => foreign.has(id));
  }
}

/** Unlike an array's own iterator, a generator ends when one of its readers fails. */
function* eachOnce<T>(items: readonly T[]): Generator<T> {
  yield* items;
}
