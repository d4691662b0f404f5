import { ApiProperty } from '@nestjs/swagger';
import { DestinationResource } from './deliveries.dto.js';

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

export class SessionDeliveriesResource {
  @ApiProperty({ example: '5f0c1a52-6c1e-4e0c-9d7e-2f8f6f1f0b11' })
  sessionId: string;

  @ApiProperty({ type: [SessionEndResource], description: 'Oldest first' })
  ends: SessionEndResource[];
}
