import { ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { Clock } from '../persistence/clock.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import type { Integration, SigningSecret } from '../integrations/integration.schema.js';
import { IntegrationsService } from './integrations.service.js';
import { formerSigningSecrets, newSigningSecret } from '../integrations/signing-secret.js';
import type { IntegrationParams } from './params.dto.js';
import type { RotationDto, SigningSecretResource } from './signing-secrets.dto.js';

/** Each secret adds a signature to every webhook. */
const MAX_SIGNING = 4;

/** The secrets that webhooks are signed with. */
@Injectable()
export class SigningSecretsService {
  constructor(
    private readonly service: IntegrationsService,
    private readonly integrations: IntegrationRepository,
    private readonly clock: Clock,
  ) {}

  /** @throws NotFoundException also when the integration has none, as one that was not made over REST */
  async get({ orgId, integrationId }: IntegrationParams): Promise<SigningSecretResource> {
    return this.shown(await this.service.find(orgId, integrationId));
  }

  /** @throws ConflictException when four secrets sign already, or somebody else changed it at the same moment */
  async rotate(
    { orgId, integrationId }: IntegrationParams,
    { expireOldAfterSeconds = 0 }: RotationDto,
  ): Promise<SigningSecretResource> {
    const integration = await this.service.find(orgId, integrationId);
    const now = this.clock.now();
    const former = formerSigningSecrets(integration.signingSecrets, expireOldAfterSeconds * 1000, now);
    if (former.length >= MAX_SIGNING) throw tooMany(former);
    const rotated = await this.integrations.rotateSigningSecret(integration, newSigningSecret(), former, new Date(now));
    if (!rotated) throw new ConflictException('the integration was changed meanwhile; read its secret again');
    return this.shown(rotated);
  }

  private shown(integration: Integration): SigningSecretResource {
    const now = this.clock.now();
    const [current, ...others] = integration.signingSecrets;
    const [secret] = this.integrations.activeSigningSecrets(integration, now);
    if (!current || secret === undefined) throw new NotFoundException('it has no signing secret; rotate makes one');
    const former = others.flatMap(({ createdAt, expiresAt }) =>
      expiresAt && expiresAt.getTime() > now ? [{ createdAt, expiresAt }] : [],
    );
    return { secret, createdAt: current.createdAt, former };
  }
}

function tooMany(former: readonly SigningSecret[]): ConflictException {
  const soonest = Math.min(...former.map(({ expiresAt }) => expiresAt!.getTime()));
  const until = new Date(soonest).toISOString();
  return new ConflictException(
    `${MAX_SIGNING} secrets sign already: rotate again after ${until}, when one ends, or with expireOldAfterSeconds 0, which ends all at once`,
  );
}
