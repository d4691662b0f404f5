import { ApiProperty } from '@nestjs/swagger';

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
