import { Controller, Get, HttpCode, HttpStatus, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Moderation } from '../auth/restricted.decorator.js';
import { ApiInvalid } from '../http/error-body.js';
import {
  PipelineCheckRunResource,
  SessionCheckQuery,
  SessionCheckRunResource,
  SessionChecksQuery,
  SessionChecksResource,
} from './operations.dto.js';
import { OperationsService } from './operations.service.js';

/** Runs now what otherwise runs on a schedule. */
@ApiTags('Operations')
@Moderation()
@ApiInvalid()
@Controller('operations')
export class OperationsController {
  constructor(private readonly operations: OperationsService) {}

  @Post('session-checks')
  @HttpCode(HttpStatus.OK)
  @ApiOperation({
    summary: 'Check the sessions of all tenants now',
    description: 'Or joins the check that is running. After 20 seconds the answer is 202, and the check goes on.',
  })
  @ApiResponse({ status: 200, description: 'Its figures', type: SessionCheckRunResource })
  @ApiResponse({ status: 202, description: 'It takes long and goes on', type: SessionCheckRunResource })
  async checkSessions(
    @Query() _none: SessionCheckQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SessionCheckRunResource> {
    return accepted(await this.operations.runSessionCheck(), response);
  }

  @Get('session-checks')
  @ApiOperation({
    summary: 'List session checks with their figures, the newest first, and what they cannot treat',
    description:
      'Of all replicas; kept for a week, at most 10,000 of them. The problems are those of the latest check of each ' +
      'process, with the sessions in quarantine.',
  })
  @ApiResponse({ status: 200, description: 'Of all replicas', type: SessionChecksResource })
  listSessionChecks(@Query() query: SessionChecksQuery): Promise<SessionChecksResource> {
    return this.operations.listSessionChecks(query);
  }

  @Post('pipeline-checks')
  @HttpCode(HttpStatus.OK)
  @ApiOperation({
    summary: 'Look for NLP pipelines that are out of date, and train them, now',
    description: 'Or joins the check that is running. After 20 seconds the answer is 202, and the check goes on.',
  })
  @ApiResponse({ status: 200, description: 'Its figures', type: PipelineCheckRunResource })
  @ApiResponse({ status: 202, description: 'It takes long and goes on', type: PipelineCheckRunResource })
  async checkPipelines(@Res({ passthrough: true }) response: Response): Promise<PipelineCheckRunResource> {
    return accepted(await this.operations.runPipelineCheck(), response);
  }
}

function accepted<T extends { status: 'finished' | 'running' }>(run: T, response: Response): T {
  if (run.status === 'running') response.status(HttpStatus.ACCEPTED);
  return run;
}
