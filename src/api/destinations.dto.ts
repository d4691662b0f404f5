import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsOptional } from 'class-validator';
import { type Channel, CHANNELS } from '../completions/delivery.js';
import type { ListedCircuit, ListedDestination } from '../completions/destination-list.js';
import { PageSize } from './query-rules.js';

export class DestinationsQuery {
  @ApiProperty({ required: false, type: 'integer', minimum: 1, maximum: 200, default: 50 })
  @IsOptional()
  @Type(() => Number)
  @PageSize()
  limit?: number = 50;
}

export class ListedCircuitResource implements ListedCircuit {
  @ApiProperty({
    enum: ['closed', 'open'],
    description:
      'closed: deliveries are sent as they fall due. open: none is sent but a probe now and then; also where the circuit ' +
      'of its service is open',
    example: 'open',
  })
  state: ListedCircuit['state'];

  @ApiProperty({
    required: false,
    type: String,
    format: 'date-time',
    description: 'While open: from then on the next delivery that is due is sent as the probe',
    example: '2026-11-26T08:04:00.000Z',
  })
  nextProbeAt?: Date;
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

  @ApiProperty({ type: ListedCircuitResource })
  circuit: ListedCircuitResource;

  @ApiProperty({ required: false, description: 'Of a webhook: whose integration it is', example: '345345sf234' })
  organizationId?: string;

  @ApiProperty({
    required: false,
    description: "Of a webhook: host and port of the integration's URL, and nothing else of it",
    example: 'hooks.example.com',
  })
  host?: string;
}
