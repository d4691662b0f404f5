import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsString } from 'class-validator';

/** The path of an organization's resources. */
export class OrganizationParams {
  @ApiProperty({ type: 'string', example: '345345sf234' })
  @IsString()
  orgId: string;
}

/** The path of one integration. */
export class IntegrationParams extends OrganizationParams {
  /** Text that is no id which an integration can have, such as `0x10` or `1e3`, is refused and not converted. */
  @ApiProperty({ type: 'string', example: '11' })
  @Transform(({ value }: { value: unknown }) => (/^\d{1,15}$/.test(String(value)) ? Number(value) : value))
  @IsInt({ message: 'must be a whole number' })
  integrationId: number;
}

/** The path of an integration's errors: the published contract calls this id a number. */
export class IntegrationErrorsParams extends IntegrationParams {
  @ApiProperty({ type: 'number', example: 11 })
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
  @ApiProperty({ type: 'string' })
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
