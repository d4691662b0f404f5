import { Controller, Get, NotFoundException, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Config } from '../config/config.js';
import { ApiError } from '../http/error-body.js';
import { PUBLIC } from '../http/public.js';
import { Metrics } from './metrics.js';

/** For Prometheus; needs no token. With METRICS_PORT set, metrics are on that port alone: a network policy can close it. */
@ApiTags('Operations')
@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly config: Config,
    private readonly metrics: Metrics,
  ) {}

  @Get()
  @ApiOperation({
    ...PUBLIC,
    summary: 'Metrics in the text format of Prometheus',
    description: 'With METRICS_PORT set they are on that port alone, and this is a 404. Needs no token.',
  })
  @ApiResponse({ status: 200, description: 'Metrics', content: { 'text/plain': { schema: { type: 'string' } } } })
  @ApiError(404, 'They are served on a port of their own')
  async read(@Res({ passthrough: true }) response: Response): Promise<string> {
    if (this.config.metricsPort !== undefined) throw new NotFoundException('there is no such route');
    response.setHeader('content-type', this.metrics.contentType);
    return this.metrics.exposition();
  }
}
