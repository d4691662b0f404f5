import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsOptional } from 'class-validator';
import { type Channel, CHANNELS } from '../completions/delivery.js';
import type { ListedDestination } from '../completions/destination-list.js';
import { CircuitResource } from './circuit.dto.js';
import { PageSize } from './query-rules.js';

export class DestinationsQuery {
  @ApiProperty({ required: false, type: 'integer', minimum: 1, maximum: 200, default: 50 })
  @IsOptional()
  @Type(() => Number)
  @PageSize()
  limit?: number = 50;
}

/** A destination that is not listed here has nothing pending, and its circuit is closed. */
export class ListedDestinationResource implements ListedDestination {
  @ApiProperty({
    description:
      'flow:, surveys: or analysis:<tenantId>, or webhook:<integrationId>; flow:*, surveys:* and analysis:* are the ' +
      "circuits of the platform's services",
    example: 'webhook:11',
  })
  destination: string;

  @ApiProperty({ enum: CHANNELS, description: "The destination's first word", example: 'webhook' })
  channel: Channel;

  @ApiProperty({
    required: false,
    type: String,
    format: 'date-time',
    description: 'Nothing of it is due before; absent where nothing is pending',
    example: '2026-11-26T08:00:00.000Z',
  })
  nextDueAt?: Date;

  @ApiProperty({ description: "Its own, or its service's (flow:*, surveys:*, analysis:*) where that alone is open" })
  circuit: CircuitResource;

  @ApiProperty({ required: false, description: 'Of a webhook: whose integration it is', example: '345345sf234' })
  organizationId?: string;

  @ApiProperty({
    required: false,
    description: "Of a webhook: host and port of the integration's URL, and nothing else of it",
    example: 'hooks.example.com',
  })
  host?: string;
}
