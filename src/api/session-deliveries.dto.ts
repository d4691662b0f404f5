import { ApiProperty } from '@nestjs/swagger';
import type { Outlook } from '../sessions/outlook.js';
import { DestinationResource } from './deliveries.dto.js';

export class LeftOutResource {
  @ApiProperty({ example: 12 })
  integrationId: number;

  @ApiProperty({ example: 'the integration is disabled' })
  reason: string;
}

/** What happened to a session one time that it ended. */
export class SessionCompletionResource {
  @ApiProperty({ example: 1 })
  revision: number;

  @ApiProperty({ example: 'hermes-shop' })
  tenantId: string;

  @ApiProperty({ enum: ['intent', 'completed'], description: 'intent: hbf-core may not have been told yet' })
  state: string;

  @ApiProperty({ enum: ['tenant-threshold', 'default-threshold', 'live-chat-max-idle'], description: 'Why it ended' })
  rule: string;

  @ApiProperty({ description: 'Seconds of inactivity after which it ended', example: 1800 })
  thresholdSeconds: number;

  @ApiProperty({ type: String, format: 'date-time' })
  lastInteraction: Date;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'lastInteraction plus the threshold; for live-chat-max-idle its last sign of life plus that limit',
  })
  dueAt: Date;

  @ApiProperty({ type: String, format: 'date-time' })
  foundAt: Date;

  @ApiProperty({ required: false, type: String, format: 'date-time' })
  completedAt?: Date;

  @ApiProperty({ type: [DestinationResource] })
  destinations: DestinationResource[];

  @ApiProperty({ type: [LeftOutResource], description: "The organization's integrations without a delivery, and why" })
  leftOut: LeftOutResource[];
}

/** What session checks do with the session, by their own rules. */
export class OutlookResource implements Outlook {
  @ApiProperty({ type: String, format: 'date-time' })
  lastInteraction: Date;

  @ApiProperty({ description: "The tenant's seconds of inactivity, else the default", example: 1800 })
  thresholdSeconds: number;

  @ApiProperty({
    enum: ['tenant-threshold', 'default-threshold', 'live-chat-max-idle'],
    description: 'By which it ends, if nobody writes and its live chats stay as they are',
  })
  rule: Outlook['rule'];

  @ApiProperty({
    enum: ['active', 'due', 'held'],
    description:
      'active: it has not been idle for long enough; endsAt tells when it ends. due: it has, and the next session check ' +
      'completes it, unless checks are paused. held: it has, and checks leave it alone; heldBy tells why',
  })
  decision: Outlook['decision'];

  @ApiProperty({
    required: false,
    enum: ['live-chat-open', 'quarantined'],
    description:
      'Of a held one. live-chat-open: somebody may be on its live chat; it ends when that is closed, at endsAt at the ' +
      'latest. quarantined: hbf-core refuses to complete it, or its last interaction cannot be true; tried again hourly',
  })
  heldBy?: Outlook['heldBy'];

  @ApiProperty({
    required: false,
    type: String,
    format: 'date-time',
    description: 'When a session check first found it held; absent where none has',
    example: '2026-11-26T08:00:00.000Z',
  })
  heldSince?: Date;

  @ApiProperty({
    required: false,
    type: String,
    format: 'date-time',
    description: 'When it ends by the rule; of one that is due, when it ended. Absent while it is quarantined',
  })
  endsAt?: Date;
}

export class SessionDeliveriesResource {
  @ApiProperty({ example: '5f0c1a52-6c1e-4e0c-9d7e-2f8f6f1f0b11' })
  sessionId: string;

  @ApiProperty({
    type: [SessionCompletionResource],
    description: 'One entry for each time it ended and this service completed it, oldest first; empty before the first',
  })
  completions: SessionCompletionResource[];

  @ApiProperty({
    required: false,
    type: OutlookResource,
    description:
      'While the session is open at hbf-core. Absent when it has ended; also, where completions are recorded, while ' +
      'hbf-core does not answer or its answer may mislead',
  })
  outlook?: Outlook;
}
