import { Controller, Get, HttpCode, HttpStatus, Post, Query, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOperation, ApiQuery, ApiResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { Response } from 'express';
import type { CheckPreview } from '../sessions/dry-run.js';
import type { CheckRecord } from '../sessions/check-history.js';
import {
  CheckPreviewResource,
  PipelineCheckRunResource,
  SessionCheckQuery,
  SessionCheckResource,
  SessionCheckRunResource,
} from './on-demand.dto.js';
import { Moderation } from './on-demand.guard.js';
import { OnDemandService } from './on-demand.service.js';

/** What runs by the clock, at once. */
@ApiTags('Operations')
@ApiExtraModels(SessionCheckRunResource, CheckPreviewResource)
@Moderation()
@Controller('operations')
export class OnDemandController {
  constructor(private readonly service: OnDemandService) {}

  @Post('session-checks')
  @HttpCode(HttpStatus.OK)
  @ApiOperation({ summary: 'Check all sessions now; or, as a dry run, tell what a check would do' })
  @ApiQuery({
    name: 'dryRun',
    required: false,
    description: 'true: list what would be completed and what is held and why, and change nothing',
    schema: { type: 'boolean', default: false },
  })
  @ApiResponse({
    status: 200,
    description: 'Its figures; of a dry run, what would be done',
    schema: {
      oneOf: [{ $ref: getSchemaPath(SessionCheckRunResource) }, { $ref: getSchemaPath(CheckPreviewResource) }],
    },
  })
  @ApiResponse({ status: 202, description: 'It takes long and goes on', type: SessionCheckRunResource })
  async checkSessions(
    @Query() { dryRun }: SessionCheckQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SessionCheckRunResource | CheckPreview> {
    if (dryRun === 'true') return this.service.previewSessionCheck();
    return accepted(await this.service.runSessionCheck(), response);
  }

  @Get('session-checks')
  @ApiOperation({ summary: 'The last hundred session checks with their figures, newest first' })
  @ApiResponse({ status: 200, description: 'Of all replicas', type: [SessionCheckResource] })
  listSessionChecks(): Promise<CheckRecord[]> {
    return this.service.listSessionChecks();
  }

  @Post('pipeline-checks')
  @HttpCode(HttpStatus.OK)
  @ApiOperation({ summary: 'Look for NLP pipelines that are out of date, and train them, now' })
  @ApiResponse({ status: 200, description: 'Its figures', type: PipelineCheckRunResource })
  @ApiResponse({ status: 202, description: 'It takes long and goes on', type: PipelineCheckRunResource })
  async checkPipelines(@Res({ passthrough: true }) response: Response): Promise<PipelineCheckRunResource> {
    return accepted(await this.service.runPipelineCheck(), response);
  }
}

function accepted<T extends { status: 'finished' | 'running' }>(run: T, response: Response): T {
  if (run.status === 'running') response.status(HttpStatus.ACCEPTED);
  return run;
}
