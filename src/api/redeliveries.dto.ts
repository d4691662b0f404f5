import { ApiProperty, OmitType } from '@nestjs/swagger';
import { IsArray, IsBoolean, IsIn, IsString, ValidateIf } from 'class-validator';
import { type Channel, CHANNELS, type DeliveryState, readDeliveryId } from '../completions/delivery.js';
import type { RedeliveryRequest } from '../completions/redelivery.schema.js';
import { EachRule, ListRule, TextRule } from '../http/rules.js';
import { DateTime, IntegrationId } from './query-rules.js';

const MAX_IDS = 200;
const MAX_ID_LENGTH = 512;
const STATES = ['dead', 'cancelled', 'pending'] as const;
const MAX_TENANT_LENGTH = 256;

const isDeliveryId = (id: unknown): boolean =>
  typeof id === 'string' && id.length <= MAX_ID_LENGTH && readDeliveryId(id) !== undefined;
const Given = (name: string): PropertyDecorator =>
  ValidateIf((dto: Record<string, unknown>) => dto[name] !== undefined);

/** Which deliveries of one integration to send again: those with these ids, or those of sessions found in a time. */
export class IntegrationRedeliveryDto {
  @ApiProperty({
    required: false,
    type: [String],
    minItems: 1,
    maxItems: MAX_IDS,
    uniqueItems: true,
    description: 'Deliveries by id, whatever their state; with nothing else but dryRun',
    example: ['5f0c1a52-6c1e-4e0c-9d7e-2f8f6f1f0b11~webhook:11'],
  })
  @Given('ids')
  @IsArray({ message: 'must be a list' })
  @ListRule('size', (ids) => ids.length >= 1 && ids.length <= MAX_IDS, `must hold 1 to ${MAX_IDS} entries`)
  @ListRule('distinct', (ids) => new Set(ids).size === ids.length, 'must hold each delivery once')
  @EachRule('ids', isDeliveryId, "a delivery's id, as lists of deliveries tell it")
  ids?: string[];

  @ApiProperty({
    required: false,
    type: String,
    format: 'date-time',
    description: 'Of sessions found at or after this; required without ids',
    example: '2026-11-20T08:00:00Z',
  })
  @Given('since')
  @DateTime()
  since?: string;

  @ApiProperty({ required: false, type: String, format: 'date-time', description: '… and before this; default: now' })
  @Given('until')
  @DateTime()
  until?: string;

  @ApiProperty({
    required: false,
    enum: STATES,
    isArray: true,
    minItems: 1,
    uniqueItems: true,
    default: ['dead', 'cancelled'],
    description: 'pending: what waits for its next attempt is made due at once',
  })
  @Given('states')
  @IsArray({ message: 'must be a list' })
  @ListRule('size', (states) => states.length >= 1, 'must hold at least one entry')
  @ListRule('distinct', (states) => new Set(states).size === states.length, 'must hold each state once')
  @IsIn(STATES, { each: true, message: `each entry must be one of ${STATES.join(', ')}` })
  states?: DeliveryState[];

  @ApiProperty({ required: false, default: false, description: 'true: only tell how many there are' })
  @Given('dryRun')
  @IsBoolean({ message: 'must be true or false' })
  dryRun?: boolean;
}

/** Which deliveries of an organization, or of all, to send again. */
export class RedeliveryDto extends IntegrationRedeliveryDto {
  @ApiProperty({ required: false, enum: CHANNELS, description: "The destination's first word" })
  @Given('channel')
  @IsIn(CHANNELS, { message: `must be one of ${CHANNELS.join(', ')}` })
  channel?: Channel;

  @ApiProperty({ required: false, type: 'integer', minimum: 1, description: 'Not together with tenantId', example: 11 })
  @Given('integrationId')
  @IntegrationId()
  integrationId?: number;

  @ApiProperty({
    required: false,
    type: 'string',
    maxLength: MAX_TENANT_LENGTH,
    description: 'Not together with integrationId',
  })
  @Given('tenantId')
  @IsString({ message: 'must be the id of a tenant' })
  @TextRule(
    'maxLength',
    (text) => text.length <= MAX_TENANT_LENGTH,
    `must have at most ${MAX_TENANT_LENGTH} characters`,
  )
  tenantId?: string;
}

/** How many deliveries a request is for. */
export class RedeliveryCount {
  @ApiProperty({ description: 'How many are sent again', example: 120 })
  matched: number;

  @ApiProperty({ description: 'How many are left out, as their integration is disabled or was removed', example: 0 })
  skipped: number;
}

/** A request that was taken. */
export class RedeliveryAccepted extends RedeliveryCount {
  @ApiProperty({ example: '0f8fad5b-d9cb-469f-a165-70867728950e' })
  id: string;
}

export class RedeliveryFilterResource extends OmitType(RedeliveryDto, ['dryRun'] as const) {}

/** A request to send deliveries again, and how far it has come. */
export class RedeliveryResource extends RedeliveryAccepted {
  @ApiProperty({ description: "The caller's e-mail address, else id", example: 'ada@example.com' })
  by: string;

  @ApiProperty({ type: String, format: 'date-time' })
  at: Date;

  @ApiProperty({ type: RedeliveryFilterResource, description: 'Which deliveries it is for' })
  filter: object;

  @ApiProperty({
    enum: ['running', 'done', 'failed'],
    description: 'done: all were made due, at most fifty a second; failed: no more of them will be',
  })
  state: RedeliveryRequest['state'];

  @ApiProperty({ required: false, description: 'Why it failed' })
  reason?: string;

  @ApiProperty({ description: 'Made due so far: pending, delivered, dead and cancelled together', example: 120 })
  queued: number;

  @ApiProperty({ description: 'Of the queued ones: to be sent', example: 3 })
  pending: number;

  @ApiProperty({ description: 'Of the queued ones: the destination has taken them', example: 115 })
  delivered: number;

  @ApiProperty({ description: 'Of the queued ones: given up again', example: 2 })
  dead: number;

  @ApiProperty({ description: 'Of the queued ones: not to be sent any more', example: 0 })
  cancelled: number;
}
