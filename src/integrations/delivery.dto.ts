import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, isISO8601, IsOptional, IsString, ValidateBy } from 'class-validator';
import type { AttemptRecord, DeliveryState } from '../deliveries/completion.js';
import { positionOf } from './cursor.js';
import { TextRule } from './rules.js';

export const DELIVERY_STATES = ['owed', 'delivered', 'dead', 'dropped'] as const;
const STATE_MEANING =
  'owed: still to be sent; delivered: taken by the endpoint; dead: given up; dropped: not owed any more';
const DATE_TIME = 'must be an ISO 8601 date-time, such as 2026-11-20T08:00:00Z';

/** Weeks and days of the year, such as 2026-W47, are ISO 8601 too, and no Date. */
function DateTime(): PropertyDecorator {
  const validate = (value: unknown) => isISO8601(value, { strict: true }) && !Number.isNaN(Date.parse(value as string));
  return ValidateBy({ name: 'isDateTime', validator: { validate, defaultMessage: () => DATE_TIME } });
}

function Cursor(): PropertyDecorator {
  const validate = (value: unknown) => typeof value === 'string' && positionOf(value) !== undefined;
  const defaultMessage = () => 'must be the nextCursor of the page before';
  return ValidateBy({ name: 'isCursor', validator: { validate, defaultMessage } });
}

function PageSize(): PropertyDecorator {
  const validate = (value: unknown) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 200;
  const defaultMessage = () => 'must be a whole number from 1 to 200';
  return ValidateBy({ name: 'isPageSize', validator: { validate, defaultMessage } });
}

/** What to look for among an integration's deliveries. */
export class DeliveriesQuery {
  @IsOptional()
  @IsIn(DELIVERY_STATES, { message: `must be one of ${DELIVERY_STATES.join(', ')}` })
  state?: DeliveryState;

  @IsOptional()
  @IsString({ message: 'must be the id of a session' })
  @TextRule('maxLength', (text) => text.length <= 256, 'must have at most 256 characters')
  sessionId?: string;

  @IsOptional()
  @DateTime()
  since?: string;

  @IsOptional()
  @DateTime()
  until?: string;

  @IsOptional()
  @Cursor()
  cursor?: string;

  @IsOptional()
  @Type(() => Number)
  @PageSize()
  limit?: number = 50;
}

/** Which dead deliveries to send again. */
export class RecoverDto {
  @ApiProperty({ type: String, format: 'date-time', description: 'Of sessions that ended at or after this' })
  @DateTime()
  since: string;

  @ApiProperty({ required: false, type: String, format: 'date-time', description: '… and before this; default: now' })
  @IsOptional()
  @DateTime()
  until?: string;
}

export class RecoverResource {
  @ApiProperty({ description: 'How many deliveries are sent again, fifty a second', example: 120 })
  recovered: number;

  @ApiProperty({ description: 'More than 10,000 matched: ask again', example: false })
  more: boolean;
}

export class AttemptResource implements AttemptRecord {
  @ApiProperty({ type: String, format: 'date-time' })
  at: Date;

  @ApiProperty({ enum: ['delivered', 'failed'] })
  result: 'delivered' | 'failed';

  @ApiProperty({ required: false, description: 'What the endpoint answered, if it did', example: 503 })
  statusCode?: number;

  @ApiProperty({ required: false, description: 'What went wrong, for machines', example: 'http_503' })
  code?: string;

  @ApiProperty({ description: 'Milliseconds that the attempt took', example: 84 })
  durationMs: number;
}

/** What one destination is owed for one session, and what came of it. */
export class DestinationResource {
  @ApiProperty({ description: 'flow, surveys, analysis or webhook:<integrationId>', example: 'webhook:11' })
  destination: string;

  @ApiProperty({ enum: DELIVERY_STATES, description: STATE_MEANING })
  state: DeliveryState;

  @ApiProperty({ required: false, description: 'Why it is dead or dropped' })
  reason?: string;

  @ApiProperty({ description: 'Attempts so far', example: 2 })
  attempts: number;

  @ApiProperty({ required: false, type: String, format: 'date-time', description: 'When it is tried next' })
  nextAttemptAt?: Date;

  @ApiProperty({ required: false, description: 'Status of the last answer', example: 503 })
  lastStatus?: number;

  @ApiProperty({ required: false, description: 'What went wrong last', example: 'http_503: the endpoint answered 503' })
  lastError?: string;

  @ApiProperty({ required: false, type: String, format: 'date-time', description: 'When it was last attempted' })
  lastAttemptAt?: Date;

  @ApiProperty({ type: [AttemptResource], description: 'The newest attempts, at most twenty, oldest first' })
  log: AttemptResource[];
}

/** One delivery of an integration. */
export class DeliveryResource extends DestinationResource {
  @ApiProperty({
    description: 'Names the delivery within its integration',
    example: '5f0c1a52-6c1e-4e0c-9d7e-2f8f6f1f0b11',
  })
  id: string;

  @ApiProperty({ example: '5f0c1a52-6c1e-4e0c-9d7e-2f8f6f1f0b11' })
  sessionId: string;

  @ApiProperty({ description: 'Counts the times this session ended', example: 1 })
  revision: number;

  @ApiProperty({ example: '66f1c0de9b1d8a0012345678' })
  tenantId: string;

  @ApiProperty({ description: 'The webhook-id header: the same over all attempts' })
  webhookId: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'When the ended session was found' })
  detectedAt: Date;
}

export class DeliveryPage {
  @ApiProperty({ type: [DeliveryResource], description: 'Newest first' })
  items: DeliveryResource[];

  @ApiProperty({ required: false, description: 'For the next page; absent on the last one' })
  nextCursor?: string;
}

export class LeftOutResource {
  @ApiProperty({ example: 12 })
  integrationId: number;

  @ApiProperty({ example: 'the integration is disabled' })
  reason: string;
}

/** What happened to a session each time it ended. */
export class SessionEndResource {
  @ApiProperty({ example: 1 })
  revision: number;

  @ApiProperty({ example: '66f1c0de9b1d8a0012345678' })
  tenantId: string;

  @ApiProperty({ enum: ['detected', 'completed'], description: 'detected: hbf-core may not know yet' })
  state: string;

  @ApiProperty({ enum: ['tenant-threshold', 'default-threshold', 'live-chat-max-idle'], description: 'Why it ended' })
  rule: string;

  @ApiProperty({ description: 'Seconds of inactivity after which it ended', example: 1800 })
  thresholdSeconds: number;

  @ApiProperty({ type: String, format: 'date-time' })
  lastInteraction: Date;

  @ApiProperty({ type: String, format: 'date-time', description: 'lastInteraction plus the threshold' })
  dueAt: Date;

  @ApiProperty({ type: String, format: 'date-time' })
  detectedAt: Date;

  @ApiProperty({ required: false, type: String, format: 'date-time' })
  completedAt?: Date;

  @ApiProperty({ type: [DestinationResource] })
  destinations: DestinationResource[];

  @ApiProperty({ type: [LeftOutResource], description: "The organization's integrations that get nothing, and why" })
  leftOut: LeftOutResource[];
}

export class SessionDeliveriesResource {
  @ApiProperty({ example: '5f0c1a52-6c1e-4e0c-9d7e-2f8f6f1f0b11' })
  sessionId: string;

  @ApiProperty({ type: [SessionEndResource], description: 'Oldest first' })
  ends: SessionEndResource[];
}
