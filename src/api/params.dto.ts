import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsString } from 'class-validator';
import { INTEGRATION_ID } from './schema-rules.js';

const IS_INTEGRATION_ID = new RegExp(INTEGRATION_ID);

/** The path of an organization's resources. */
export class OrganizationParams {
  @ApiProperty({ type: 'string', example: 'hermes' })
  @IsString()
  orgId: string;
}

/** The path of one integration. */
export class IntegrationParams extends OrganizationParams {
  /** Text that is no id which an integration can have, such as `0x10` or `1e3`, is refused and not converted. */
  @ApiProperty({ type: 'string', pattern: INTEGRATION_ID, example: '1' })
  @Transform(({ value }: { value: unknown }) => (IS_INTEGRATION_ID.test(String(value)) ? Number(value) : value))
  @IsInt({ message: 'must be a whole number' })
  integrationId: number;
}

/** The path of an integration's errors: the published contract calls this id a number. */
export class IntegrationErrorsParams extends IntegrationParams {
  @ApiProperty({ type: 'number', multipleOf: 1, minimum: 1, maximum: 9_007_199_254_740_991, example: 1 })
  override integrationId: number;
}

/** The path of one delivery. */
export class DeliveryParams extends IntegrationParams {
  @ApiProperty({ type: 'string', description: "A delivery's id" })
  @IsString()
  deliveryId: string;
}

/** The path of one session. */
export class SessionParams extends OrganizationParams {
  @ApiProperty({ type: 'string', description: 'The id of a session: its uuid in hbf-core' })
  @IsString()
  sessionId: string;
}

/** The path of one redelivery. */
export class RedeliveryParams {
  @ApiProperty({ type: 'string', description: "A redelivery's id" })
  @IsString()
  redeliveryId: string;
}

/** The path of one of an organization's redeliveries. */
export class OrganizationRedeliveryParams extends OrganizationParams {
  @ApiProperty({ type: 'string', description: "A redelivery's id" })
  @IsString()
  redeliveryId: string;
}

/** The path of one of an integration's redeliveries. */
export class IntegrationRedeliveryParams extends IntegrationParams {
  @ApiProperty({ type: 'string', description: "A redelivery's id" })
  @IsString()
  redeliveryId: string;
}
