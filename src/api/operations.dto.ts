import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsOptional, ValidateBy } from 'class-validator';
import { WholeNumber } from '../http/rules.js';
import type { PipelineCheckResult } from '../nlp-pipelines/pipeline-check.service.js';
import type { CheckFigures } from '../sessions/check-figures.js';
import type { CheckProblem } from '../sessions/check-problems.js';
import type { CheckRecord } from '../sessions/check-record.schema.js';
import { DateTime } from './query-rules.js';

const RUN = ['finished', 'running'] as const;

/** No query is taken. Dry runs were asked for by one: whatever its value, it must not start a check. */
export class SessionCheckQuery {
  @ValidateBy({
    name: 'isAbsent',
    validator: {
      validate: (value: unknown) => value === undefined,
      defaultMessage: () => 'is not taken here: POST /operations/dry-run tells what a check would do',
    },
  })
  dryRun?: undefined;
}

/** Which checks are listed. */
export class SessionChecksQuery {
  @ApiProperty({
    required: false,
    type: 'string',
    format: 'date-time',
    description: 'Checks that began at or after this',
    example: '2026-11-20T08:00:00Z',
  })
  @IsOptional()
  @DateTime()
  since?: string;

  @ApiProperty({
    required: false,
    type: 'integer',
    minimum: 1,
    maximum: 1_000,
    default: 100,
    description: 'At most so many, the newest',
  })
  @IsOptional()
  @Type(() => Number)
  @WholeNumber(1, 1_000)
  limit?: number = 100;
}

export class CheckFiguresResource implements CheckFigures {
  @ApiProperty({ description: 'Tenants that hbf-core listed', example: 120 })
  tenants: number;

  @ApiProperty({ description: 'Tenants whose sessions were asked for', example: 118 })
  tenantsScanned: number;

  @ApiProperty({ description: 'Sessions that have ended', example: 41 })
  found: number;

  @ApiProperty({ description: 'Sessions that have ended, but a live chat is open', example: 1 })
  held: number;

  @ApiProperty({ example: 40 })
  completed: number;

  @ApiProperty({
    description: 'hbf-core shows them as active although they were completed, and was told again',
    example: 0,
  })
  repeated: number;

  @ApiProperty({
    description: 'hbf-core refuses to complete them and shows them as active; tried again later',
    example: 0,
  })
  refused: number;

  @ApiProperty({ description: 'They cannot be read, or not be judged; in quarantine, tried again hourly', example: 0 })
  malformed: number;

  @ApiProperty({ description: 'Taken over from a process that went away before it had finished them', example: 0 })
  recovered: number;

  @ApiProperty({ description: 'Tenants whose scan failed; tried again after 1, 2, 4 … 30 minutes', example: 0 })
  tenantsFailed: number;

  @ApiProperty({ description: 'Tenants left out because their scan failed lately', example: 0 })
  tenantsBackingOff: number;

  @ApiProperty({ description: 'Lists that ended with fewer sessions than hbf-core had said', example: 0 })
  listsShort: number;

  @ApiProperty({ description: 'Tenants left to the next check by SESSION_CHECK_MAX_COMPLETIONS_PER_MIN', example: 0 })
  deferred: number;

  @ApiProperty({ description: 'It stopped, or did not begin, because the backlog is too large', example: false })
  paused: boolean;
}

export class SessionCheckRunResource {
  @ApiProperty({ enum: RUN, description: 'running: it goes on; its figures will be among the last checks' })
  status: (typeof RUN)[number];

  @ApiProperty({ required: false, type: CheckFiguresResource, description: 'Once it has finished' })
  figures?: CheckFigures;
}

export class ProblemResource implements CheckProblem {
  @ApiProperty({ description: 'unknown: the tenant has no id that can be read', example: '5f2c' })
  tenantId: string;

  @ApiProperty({ required: false, description: 'When the problem is of one session' })
  sessionId?: string;

  @ApiProperty({ example: 'hbf-core refuses to complete it' })
  reason: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'When a check first met it' })
  since: Date;
}

export class SessionCheckResource implements Omit<CheckRecord, 'problems'> {
  @ApiProperty({ type: String, format: 'date-time' })
  startedAt: Date;

  @ApiProperty({ example: 840 })
  durationMs: number;

  @ApiProperty({ enum: ['schedule', 'on-demand'] })
  trigger: CheckRecord['trigger'];

  @ApiProperty({ enum: ['finished', 'failed'] })
  outcome: CheckRecord['outcome'];

  @ApiProperty({ required: false, description: 'Of a failed one', example: 'hbf-core /tenants: failed (http_503)' })
  reason?: string;

  @ApiProperty({ required: false, type: CheckFiguresResource, description: 'Of a finished one' })
  figures?: CheckFigures;

  @ApiProperty({
    required: false,
    description:
      'Deliveries that waited for their first attempt when it began, a destination counting a tenth of ' +
      'DELIVERY_BACKLOG_HIGH_WATER at most; exact up to that. Absent where they could not be counted',
    example: 12,
  })
  backlog?: number;

  @ApiProperty({
    required: false,
    description:
      'Seconds for which the delivery that had been due for longest was due when it began, those of open circuits ' +
      'included; 0: none was due',
    example: 3,
  })
  oldestDueSeconds?: number;

  @ApiProperty({ description: 'The process that ran it', example: 'session-manager-0' })
  instance: string;
}

export class SessionChecksResource {
  @ApiProperty({ type: [SessionCheckResource], description: 'Of all replicas, newest first' })
  items: Omit<CheckRecord, 'problems'>[];

  @ApiProperty({
    type: [ProblemResource],
    description:
      'What the latest check of each process could not treat as it should, and the sessions in quarantine; tried again',
  })
  problems: CheckProblem[];
}

export class PipelineCheckFiguresResource implements PipelineCheckResult {
  @ApiProperty({ type: String, format: 'date-time' })
  startedAt: Date;

  @ApiProperty({ example: 94_000 })
  durationMs: number;

  @ApiProperty({ description: 'Pipelines that are OUTDATED in tenants with auto-train', example: 2 })
  outdated: number;

  @ApiProperty({ description: 'Of these, the ones whose shape is not understood', example: 0 })
  rejected: number;

  @ApiProperty({ description: 'Of these, the ones whose last training failed not long enough ago', example: 0 })
  backingOff: number;

  @ApiProperty({ description: 'Trainings begun before that had not ended', example: 0 })
  unfinished: number;

  @ApiProperty({ description: 'Left to another replica that is training them', example: 0 })
  heldElsewhere: number;

  @ApiProperty({ description: 'Not examined because of an error; the next check tries again', example: 0 })
  broken: number;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    description: 'Number of trainings by outcome',
    example: { trained: 2 },
  })
  outcomes: PipelineCheckResult['outcomes'];
}

export class PipelineCheckRunResource {
  @ApiProperty({ enum: RUN, description: 'running: it goes on, see the log' })
  status: (typeof RUN)[number];

  @ApiProperty({ required: false, type: PipelineCheckFiguresResource, description: 'Once it has finished' })
  figures?: PipelineCheckResult;
}
