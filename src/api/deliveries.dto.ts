import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, isISO8601, IsOptional, IsString, ValidateBy } from 'class-validator';
import { type AttemptRecord, DELIVERY_STATES, type DeliveryState, type SurveyPart } from '../completions/delivery.js';
import { positionOf } from './cursor.js';
import { TextRule } from '../http/rules.js';
import { CURSOR, YEAR } from './schema-rules.js';

const MAX_ID_LENGTH = 256;
const STATE_MEANING =
  'pending: still to be sent; delivered: the destination took it; dead: given up; cancelled: not to be sent any more';
const DATE_TIME = 'must be an ISO 8601 date-time, such as 2026-11-20T08:00:00Z';

/** Weeks and days of the year, such as 2026-W47, are ISO 8601 too, but Date cannot read them. */
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
  @ApiProperty({ required: false, enum: DELIVERY_STATES })
  @IsOptional()
  @IsIn(DELIVERY_STATES, { message: `must be one of ${DELIVERY_STATES.join(', ')}` })
  state?: DeliveryState;

  @ApiProperty({ required: false, type: 'string', maxLength: MAX_ID_LENGTH })
  @IsOptional()
  @IsString({ message: 'must be the id of a session' })
  @TextRule('maxLength', (text) => text.length <= MAX_ID_LENGTH, `must have at most ${MAX_ID_LENGTH} characters`)
  sessionId?: string;

  @ApiProperty({ required: false, type: 'string', format: 'date-time', pattern: YEAR, description: 'Of sessions found at or after this' }) // prettier-ignore
  @IsOptional()
  @DateTime()
  since?: string;

  @ApiProperty({
    required: false,
    type: 'string',
    format: 'date-time',
    pattern: YEAR,
    description: 'Of sessions found before this',
  })
  @IsOptional()
  @DateTime()
  until?: string;

  @ApiProperty({ required: false, type: 'string', pattern: CURSOR, description: 'nextCursor of the page before' })
  @IsOptional()
  @Cursor()
  cursor?: string;

  @ApiProperty({ required: false, type: 'integer', minimum: 1, maximum: 200, default: 50 })
  @IsOptional()
  @Type(() => Number)
  @PageSize()
  limit?: number = 50;
}

/** Which dead and cancelled deliveries to send again. */
export class RecoverDto {
  @ApiProperty({ type: String, format: 'date-time', pattern: YEAR, description: 'Of sessions found at or after this' })
  @DateTime()
  since: string;

  @ApiProperty({
    required: false,
    type: String,
    format: 'date-time',
    pattern: YEAR,
    description: '… and before this; default: now',
  })
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

export class SurveyPartResource {
  @ApiProperty({ example: 'hermes-shop' })
  surveyId: string;

  @ApiProperty({ enum: ['pending', 'delivered', 'dead'] })
  state: SurveyPart['state'];

  @ApiProperty({ description: 'Since the latest redelivery', example: 1 })
  attempts: number;

  @ApiProperty({ required: false, description: 'Why it is dead', example: 'outcome unknown' })
  reason?: string;
}

/** One destination's share of a completion. */
export class DestinationResource {
  @ApiProperty({
    description: 'flow:, surveys: or analysis:<tenantId>, or webhook:<integrationId>',
    example: 'webhook:1',
  })
  destination: string;

  @ApiProperty({ enum: DELIVERY_STATES, description: STATE_MEANING })
  state: DeliveryState;

  @ApiProperty({ required: false, description: 'Why it is dead or cancelled' })
  reason?: string;

  @ApiProperty({ description: 'Attempts so far', example: 2 })
  attempts: number;

  @ApiProperty({ required: false, type: String, format: 'date-time', description: 'When it is tried next' })
  nextAttemptAt?: Date;

  @ApiProperty({ required: false, description: 'Status of the last answer', example: 503 })
  lastStatus?: number;

  @ApiProperty({
    required: false,
    description: 'What went wrong last; session_missing: hbf-core does not know the session, it is asked again',
    example: 'http_503: the endpoint answered 503',
  })
  lastError?: string;

  @ApiProperty({ required: false, type: String, format: 'date-time', description: 'When it was last attempted' })
  lastAttemptAt?: Date;

  @ApiProperty({ type: [AttemptResource], description: 'The newest attempts, at most twenty, oldest first' })
  log: AttemptResource[];

  @ApiProperty({ required: false, type: [SurveyPartResource], description: 'The surveys; of surveys:<tenantId> alone' })
  parts?: SurveyPartResource[];
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

  @ApiProperty({ example: 'hermes-shop' })
  tenantId: string;

  @ApiProperty({ description: 'The webhook-id header: the same over all attempts' })
  webhookId: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'When the ended session was found' })
  foundAt: Date;
}

export class DeliveryPage {
  @ApiProperty({ type: [DeliveryResource], description: 'Newest first' })
  items: DeliveryResource[];

  @ApiProperty({ required: false, description: 'For the next page; absent on the last one' })
  nextCursor?: string;
}
