import { ApiProperty, PartialType } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsArray, IsBoolean, isEmail, isObject, IsString, Validate, ValidateIf, ValidateNested } from 'class-validator';
import { isReservedHeaderName } from '../webhooks/webhook-headers.js';
import { Ignores } from '../http/body.pipe.js';
import { EachRule, ListRule, TextRule } from '../http/rules.js';
import { CircuitResource } from './circuit.dto.js';
import { ENTITY_ID, FIELD_NAME, FIELD_VALUE, RECIPIENT, WEBHOOK_URL } from './schema-rules.js';
import { MAX_URL_LENGTH, WebhookUrlRule } from './webhook-url.rule.js';

const MAX_TENANTS = 1_000;
const MAX_HEADERS = 32;
const MAX_HEADER_LENGTH = 4_096;
const MAX_RECIPIENTS = 20;
const MAX_RECIPIENT_LENGTH = 320;
const MAX_ID_LENGTH = 128;

/** Members of IntegrationResource that an administrator does not write: a body that GET answered may be sent back. */
const READ_ONLY = [
  'id',
  'createdAt',
  'createdBy',
  'modifiedAt',
  'modifiedBy',
  'disabledReason',
  'disabledAt',
  'failingSince',
  'circuit',
  'signingSecret',
];

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]*$/;
/** What a header may carry (RFC 9110, 5.5), without its control characters. */
const PRINTABLE_LATIN1 = /^[\x20-\x7e\xa0-\xff]*$/;

/** Whether a value of `tenants` can be an id at all; TenantOwnership asks hbf-core whether it is one. */
function isTenantId(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_ID_LENGTH && /^[^\p{Cc}\s]+$/u.test(value);
}

/** An e-mail address, or one with a name before it: `Ada <ada@example.com>`. */
function isRecipient(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length <= MAX_RECIPIENT_LENGTH && isEmail(value, { allow_display_name: true })
  );
}

export class HeaderDto {
  @ApiProperty({
    description: 'An HTTP field name (RFC 9110), none that the service or the connection sets',
    example: 'X-Api-Key',
    maxLength: MAX_HEADER_LENGTH,
    pattern: FIELD_NAME,
  })
  @IsString({ message: 'must be a string' })
  @TextRule('notEmpty', (name) => name !== '', 'must not be empty')
  @TextRule('maxLength', (name) => name.length <= MAX_HEADER_LENGTH, `must be at most ${MAX_HEADER_LENGTH} characters`)
  @TextRule('token', (name) => TOKEN.test(name), "must be letters, digits and !#$%&'*+-.^_`|~ only")
  @TextRule('notReserved', (name) => !isReservedHeaderName(name), 'must not be a name that the service sets itself')
  name: string;

  @ApiProperty({
    description: 'Encrypted at rest, given in clear to administrators',
    example: 'a-secret',
    maxLength: MAX_HEADER_LENGTH,
    pattern: FIELD_VALUE,
  })
  @IsString({ message: 'must be a string' })
  @TextRule('maxLength', (text) => text.length <= MAX_HEADER_LENGTH, `must be at most ${MAX_HEADER_LENGTH} characters`)
  @TextRule('printable', (text) => PRINTABLE_LATIN1.test(text), 'must be printable Latin-1, without line breaks')
  value: string;
}

/** What an administrator writes. */
@Ignores(READ_ONLY)
export class IntegrationDto {
  @ApiProperty({
    description: 'Where ended sessions are posted to: absolute, https, without credentials, a public host',
    example: 'https://hooks.example.com/sessions',
    pattern: WEBHOOK_URL,
    maxLength: MAX_URL_LENGTH,
  })
  @IsString({ message: 'must be a string' })
  @TextRule('maxLength', (url) => url.length <= MAX_URL_LENGTH, `must be at most ${MAX_URL_LENGTH} characters`)
  @Validate(WebhookUrlRule)
  url: string;

  @ApiProperty({
    description: 'The tenants of this organization whose sessions are posted; none: nothing is sent',
    type: 'array',
    items: { type: 'string', maxLength: MAX_ID_LENGTH, pattern: ENTITY_ID },
    example: ['hermes-shop'],
    maxItems: MAX_TENANTS,
    uniqueItems: true,
  })
  @IsArray({ message: 'must be a list' })
  @ListRule('size', (ids) => ids.length <= MAX_TENANTS, `must hold at most ${MAX_TENANTS} entries`)
  @ListRule('distinct', (ids) => new Set(ids).size === ids.length, 'must hold each tenant once')
  @EachRule('ids', isTenantId, `a tenant's id: a string of 1 to ${MAX_ID_LENGTH} characters without spaces`)
  tenants: string[];

  @ApiProperty({
    description: 'Sent with every post; null as well as nothing: none',
    required: false,
    type: [HeaderDto],
    example: [{ name: 'X-Api-Key', value: 'a-secret' }],
    maxItems: MAX_HEADERS,
  })
  @ValidateIf((dto: IntegrationDto) => dto.headers !== undefined && dto.headers !== null)
  @IsArray({ message: 'must be a list' })
  @ListRule('size', (headers) => headers.length <= MAX_HEADERS, `must hold at most ${MAX_HEADERS} entries`)
  @EachRule('objects', isObject, 'an object with name and value')
  @ValidateNested({ each: true, message: 'must hold objects with name and value' })
  @Type(() => HeaderDto)
  headers?: HeaderDto[] | null;

  @ApiProperty({ description: 'Whether sessions are posted', example: true })
  @IsBoolean({ message: 'must be true or false' })
  enabled: boolean;

  @ApiProperty({
    description: 'E-mail addresses that are told of failures, each with a name before it or without; may be empty',
    type: 'array',
    items: { type: 'string', maxLength: MAX_RECIPIENT_LENGTH, pattern: RECIPIENT },
    example: ['operations@example.com', 'Ada <ada@example.com>'],
    maxItems: MAX_RECIPIENTS,
  })
  @IsArray({ message: 'must be a list' })
  @ListRule('size', (addresses) => addresses.length <= MAX_RECIPIENTS, `must hold at most ${MAX_RECIPIENTS} entries`)
  @EachRule('emails', isRecipient, 'an e-mail address, as ada@example.com or Ada <ada@example.com>')
  errorEmailRecipients: string[];
}

/** Some members of an integration; those that are not given stay as they are (RFC 7396). */
@Ignores(READ_ONLY)
export class IntegrationPatchDto extends PartialType(IntegrationDto, { skipNullProperties: false }) {}

/** An integration as it is answered. */
export class IntegrationResource {
  @ApiProperty({ example: 1 })
  id: number;

  @ApiProperty({ example: 'https://hooks.example.com/sessions' })
  url: string;

  @ApiProperty({ type: [String], example: ['hermes-shop'] })
  tenants: string[];

  @ApiProperty({ type: [HeaderDto] })
  headers: HeaderDto[];

  @ApiProperty({ example: true })
  enabled: boolean;

  @ApiProperty({ type: [String], example: ['operations@example.com'] })
  errorEmailRecipients: string[];

  @ApiProperty({ type: String, format: 'date-time', example: '2026-11-20T08:00:00.000Z' })
  createdAt: Date;

  @ApiProperty({ description: "The creator's e-mail address, else id", example: 'ada@example.com' })
  createdBy: string;

  @ApiProperty({ type: String, format: 'date-time', example: '2026-11-20T08:00:00.000Z' })
  modifiedAt: Date;

  @ApiProperty({ description: "The latest editor's e-mail address, else id", example: 'ada@example.com' })
  modifiedBy: string;

  @ApiProperty({
    required: false,
    enum: ['gone', 'failing_for_days'],
    description: 'Why the service disabled it: the endpoint answered 410, or failed for days without a success',
  })
  disabledReason?: string;

  @ApiProperty({ required: false, type: String, format: 'date-time', description: 'When the service disabled it' })
  disabledAt?: Date;

  @ApiProperty({
    required: false,
    type: String,
    format: 'date-time',
    description: 'Since when posts have failed without a success; absent while all goes well',
  })
  failingSince?: Date;

  @ApiProperty({ description: 'Whether its deliveries are sent at present' })
  circuit: CircuitResource;

  @ApiProperty({
    required: false,
    description:
      'In the answer of POST alone: the secret that webhooks are signed with (Standard Webhooks). Later by GET …/signing-secret',
    example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  })
  signingSecret?: string;
}
