import { ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { Clock } from '../persistence/clock.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import type { Integration } from '../integrations/integration.schema.js';
import { IntegrationsService } from './integrations.service.js';
import { newSigningSecret } from '../integrations/signing-secret.js';
import type { IntegrationParams } from './params.dto.js';
import type { SigningSecretResource } from './signing-secrets.dto.js';

/** How long a replaced secret still signs: the receiver's time to change over. */
const OVERLAP_MS = 24 * 3_600_000;

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

  /** @throws ConflictException when somebody else changed the integration at the same moment */
  async rotate({ orgId, integrationId }: IntegrationParams): Promise<SigningSecretResource> {
    const integration = await this.service.find(orgId, integrationId);
    const rotated = await this.integrations.rotateSigningSecret(integration, newSigningSecret(), OVERLAP_MS);
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
