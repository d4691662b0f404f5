import { ApiProperty, ApiSchema } from '@nestjs/swagger';

/** One failed attempt. */
@ApiSchema({ name: 'SessionIntegrationError' })
export class IntegrationErrorResource {
  @ApiProperty({ example: '5f0c1a52-6c1e-4e0c-9d7e-2f8f6f1f0b11/webhook:1/1' })
  id: string;

  @ApiProperty({ example: 1 })
  integrationId: number;

  @ApiProperty({ example: '5f0c1a52-6c1e-4e0c-9d7e-2f8f6f1f0b11' })
  sessionId: string;

  @ApiProperty({ example: 'hermes-shop' })
  tenantId: string;

  @ApiProperty({ description: 'Counts from 1', example: 1 })
  attempt: number;

  @ApiProperty({ type: String, format: 'date-time', example: '2026-11-20T08:00:00.000Z' })
  at: Date;

  @ApiProperty({ required: false, description: 'What the endpoint answered, if it did', example: 503 })
  statusCode?: number;

  @ApiProperty({ description: 'What went wrong, for machines', example: 'http_503' })
  code: string;

  @ApiProperty({ description: 'What went wrong, for people', example: 'the endpoint answered 503' })
  message: string;

  @ApiProperty({ description: 'Milliseconds that the attempt took', example: 84 })
  durationMs: number;

  @ApiProperty({ required: false, type: String, format: 'date-time', description: 'When it is tried again, if it is' })
  nextAttemptAt?: Date;

  @ApiProperty({ description: 'No further attempt is made by itself', example: false })
  dead: boolean;
}
