import { ApiProperty } from '@nestjs/swagger';
import { IsString } from 'class-validator';
import { DELIVERY_STATES, type DeliveryState } from '../completions/delivery.js';
import { TextRule } from '../http/rules.js';

const MIN_LENGTH = 4;
const MAX_LENGTH = 256;

/** With which text the ids begin. */
export class SessionSearchQuery {
  @ApiProperty({
    type: 'string',
    minLength: MIN_LENGTH,
    maxLength: MAX_LENGTH,
    description: 'The beginning of the ids, as it is written: no pattern, upper and lower case differ',
    example: '5f0c1a52',
  })
  @IsString({ message: 'must be the beginning of a session id' })
  @TextRule(
    'length',
    ({ length }) => length >= MIN_LENGTH && length <= MAX_LENGTH,
    `must have ${MIN_LENGTH} to ${MAX_LENGTH} characters`,
  )
  prefix: string;
}

/** How many of the latest completion's deliveries have each state. */
export class DeliveryCountsResource implements Record<DeliveryState, number> {
  @ApiProperty({ description: 'Still to be sent', example: 1 })
  pending: number;

  @ApiProperty({ description: 'The destination took them', example: 3 })
  delivered: number;

  @ApiProperty({ description: 'Given up', example: 0 })
  dead: number;

  @ApiProperty({ description: 'Not to be sent any more', example: 0 })
  cancelled: number;

  static of(deliveries: readonly { state: DeliveryState }[]): DeliveryCountsResource {
    const count = (wanted: DeliveryState) => deliveries.filter(({ state }) => state === wanted).length;
    return Object.fromEntries(DELIVERY_STATES.map((state) => [state, count(state)])) as Record<DeliveryState, number>;
  }
}

/** A session, by the latest time that it ended. */
export class FoundSessionResource {
  @ApiProperty({ example: '5f0c1a52-6c1e-4e0c-9d7e-2f8f6f1f0b11' })
  sessionId: string;

  @ApiProperty({ example: '66f1c0de9b1d8a0012345678' })
  tenantId: string;

  @ApiProperty({ description: 'Counts the times this session ended', example: 1 })
  revision: number;

  @ApiProperty({ type: String, format: 'date-time', description: 'Before it ended the latest time' })
  lastInteraction: Date;

  @ApiProperty({ type: String, format: 'date-time', description: 'When a session check found that it has ended' })
  foundAt: Date;

  @ApiProperty({ type: String, format: 'date-time', description: 'When hbf-core was told' })
  completedAt: Date;

  @ApiProperty({ type: DeliveryCountsResource, description: 'How its deliveries of that time stand' })
  deliveries: DeliveryCountsResource;
}
