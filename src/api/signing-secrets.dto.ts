import { ApiProperty } from '@nestjs/swagger';
import { ValidateIf } from 'class-validator';
import { Optional } from '../http/body.pipe.js';
import { WholeNumber } from '../http/rules.js';

/** In seconds. */
const DAY = 86_400;
const LONGEST_OVERLAP = 30 * DAY;

/** How a secret is replaced. */
@Optional()
export class RotationDto {
  @ApiProperty({
    required: false,
    type: 'integer',
    minimum: 0,
    maximum: LONGEST_OVERLAP,
    default: DAY,
    description:
      'Seconds for which the replaced secrets sign too, where they do not expire sooner; 0: they end at once',
    example: DAY,
  })
  @ValidateIf(({ expireOldAfterSeconds }: RotationDto) => expireOldAfterSeconds !== undefined)
  @WholeNumber(0, LONGEST_OVERLAP)
  expireOldAfterSeconds?: number = DAY;
}

/** A secret that is still used beside the one in force. */
export class FormerSigningSecret {
  @ApiProperty({ type: String, format: 'date-time' })
  createdAt: Date;

  @ApiProperty({ type: String, format: 'date-time', description: 'Until then webhooks carry its signature too' })
  expiresAt: Date;
}

/** What a receiver verifies webhooks with (Standard Webhooks). */
export class SigningSecretResource {
  @ApiProperty({ description: 'The secret in force', example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' })
  secret: string;

  @ApiProperty({ type: String, format: 'date-time', example: '2026-11-20T08:00:00.000Z' })
  createdAt: Date;

  @ApiProperty({ type: [FormerSigningSecret], description: 'Replaced ones that still sign, newest first' })
  former: FormerSigningSecret[];
}
