import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsOptional, IsString } from 'class-validator';
import {
  type AttemptRecord,
  type Channel,
  CHANNELS,
  DELIVERY_STATES,
  type DeliveryState,
  type RedeliveryRecord,
  type SurveyPart,
} from '../completions/delivery.js';
import { CircuitResource } from './circuit.dto.js';
import { TextRule } from '../http/rules.js';
import { Cursor, DateTime, IntegrationId, PageSize } from './query-rules.js';
import { CURSOR, YEAR } from './schema-rules.js';

const MAX_ID_LENGTH = 256;
const STATE_MEANING =
  'pending: still to be sent; delivered: the destination took it; dead: given up; cancelled: not to be sent any more';
/** What to look for among an integration's deliveries. */
export class IntegrationDeliveriesQuery {
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

/** What to look for among the deliveries of an organization, or of all. */
export class DeliveriesQuery extends IntegrationDeliveriesQuery {
  @ApiProperty({
    required: false,
    enum: DELIVERY_STATES,
    description: 'dead, pending or cancelled; also delivered, or none, where integrationId or sessionId is given',
  })
  @IsOptional()
  @IsIn(DELIVERY_STATES, { message: `must be one of ${DELIVERY_STATES.join(', ')}` })
  override state?: DeliveryState;

  @ApiProperty({ required: false, enum: CHANNELS, description: "The destination's first word" })
  @IsOptional()
  @IsIn(CHANNELS, { message: `must be one of ${CHANNELS.join(', ')}` })
  channel?: Channel;

  @ApiProperty({ required: false, type: 'integer', description: 'Not together with tenantId', example: 11 })
  @IsOptional()
  @IntegrationId()
  integrationId?: number;

  @ApiProperty({ required: false, type: 'string', description: 'Not together with integrationId' })
  @IsOptional()
  @IsString({ message: 'must be the id of a tenant' })
  @TextRule('maxLength', (text) => text.length <= MAX_ID_LENGTH, `must have at most ${MAX_ID_LENGTH} characters`)
  tenantId?: string;
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

export class RedeliveryRecordResource implements RedeliveryRecord {
  @ApiProperty({ description: 'The id of the request, which may be for many deliveries' })
  id: string;

  @ApiProperty({ type: String, format: 'date-time' })
  at: Date;

  @ApiProperty({ description: "The caller's e-mail address, else id", example: 'ada@example.com' })
  by: string;
}

/** One destination's share of a completion. */
export class DestinationResource {
  @ApiProperty({
    description: 'Names the delivery: the completion and the destination',
    example: '5f0c1a52-6c1e-4e0c-9d7e-2f8f6f1f0b11~webhook:11',
  })
  id: string;

  @ApiProperty({ enum: CHANNELS, description: "The destination's first word", example: 'webhook' })
  channel: Channel;

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

  @ApiProperty({
    required: false,
    type: String,
    format: 'date-time',
    description: 'When it is tried next; while the circuit is open, not before its nextProbeAt',
  })
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

  @ApiProperty({
    required: false,
    type: [RedeliveryRecordResource],
    description: 'Who asked to send it again, and when: the newest ten, the latest last',
  })
  redeliveries?: readonly RedeliveryRecord[];

  @ApiProperty({
    description: "The destination's circuit; that of its service (flow, surveys, analysis) where only that is open",
  })
  circuit: CircuitResource;
}

/** One delivery. */
export class DeliveryResource extends DestinationResource {
  @ApiProperty({ example: '5f0c1a52-6c1e-4e0c-9d7e-2f8f6f1f0b11' })
  sessionId: string;

  @ApiProperty({ description: 'Counts the times this session ended', example: 1 })
  revision: number;

  @ApiProperty({ example: 'hermes-shop' })
  tenantId: string;

  @ApiProperty({ example: '345345sf234' })
  organizationId: string;

  @ApiProperty({
    required: false,
    description: 'The webhook-id header: the same over all attempts; of a webhook alone',
  })
  webhookId?: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'When the ended session was found' })
  foundAt: Date;
}

export class DeliveryPage {
  @ApiProperty({ type: [DeliveryResource], description: 'Newest first' })
  items: DeliveryResource[];

  @ApiProperty({ required: false, description: 'For the next page; absent on the last one' })
  nextCursor?: string;
}
