import { ApiProperty } from '@nestjs/swagger';

/** The outcome of an example delivery. */
export class ExampleDeliveryResource {
  @ApiProperty({ description: 'Whether the endpoint took it (2xx)', example: true })
  delivered: boolean;

  @ApiProperty({ required: false, description: 'What the endpoint answered, if it did', example: 200 })
  statusCode?: number;

  @ApiProperty({ description: 'Milliseconds', example: 84 })
  durationMs: number;

  @ApiProperty({ required: false, description: 'What went wrong, for machines', example: 'timeout' })
  code?: string;

  @ApiProperty({ required: false, description: 'What went wrong, for people' })
  message?: string;

  @ApiProperty({ required: false, description: 'The first bytes of the answer', example: 'ok' })
  response?: string;
}
