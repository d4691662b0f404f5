import { ApiProperty } from '@nestjs/swagger';
import type { ExpiryRule } from '../completions/completion.js';
import type { CheckPreview, HoldReason, PreviewedSession, PreviewList } from '../sessions/dry-run.js';

const RULES = ['tenant-threshold', 'default-threshold', 'live-chat-max-idle'] as const;
const REASONS = ['live-chat-open', 'quarantined'] as const;

export class PreviewedSessionResource implements PreviewedSession {
  @ApiProperty()
  sessionId: string;

  @ApiProperty()
  tenantId: string;

  @ApiProperty({ type: String, format: 'date-time' })
  lastInteraction: Date;

  @ApiProperty({ example: 5400 })
  idleSeconds: number;

  @ApiProperty({ example: 1800 })
  thresholdSeconds: number;

  @ApiProperty({ required: false, enum: RULES, description: 'By which it would be completed' })
  rule?: ExpiryRule;

  @ApiProperty({ required: false, enum: REASONS, description: 'Why it is held' })
  reason?: HoldReason;

  @ApiProperty({
    required: false,
    type: String,
    format: 'date-time',
    description: 'When a session check first found it held; absent where none has',
    example: '2026-11-26T08:00:00.000Z',
  })
  heldSince?: Date;
}

export class PreviewListResource implements PreviewList {
  @ApiProperty({ description: 'All of them' })
  count: number;

  @ApiProperty({ type: [PreviewedSessionResource], description: 'The oldest 1,000, oldest first' })
  sessions: PreviewedSession[];
}

export class CheckPreviewResource implements CheckPreview {
  @ApiProperty({ type: String, format: 'date-time' })
  at: Date;

  @ApiProperty({ description: 'Tenants that hbf-core listed: all, or those of the organization' })
  tenants: number;

  @ApiProperty({ description: 'The backlog of the service is too large: a check would complete nothing yet' })
  paused: boolean;

  @ApiProperty({ type: PreviewListResource })
  complete: PreviewList;

  @ApiProperty({ type: PreviewListResource })
  held: PreviewList;

  @ApiProperty({ description: 'Sessions that cannot be read, or not be judged; a check puts them in quarantine' })
  malformed: number;

  @ApiProperty({ description: 'Tenants whose sessions hbf-core does not list now; they are in neither list' })
  tenantsFailed: number;
}
