import { Controller, Get, NotFoundException, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Config } from '../config/config.js';
import { ApiError } from '../http/error-body.js';
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
  @ApiOperation({ summary: 'Metrics in the text format of Prometheus; not here when METRICS_PORT is set' })
  @ApiProduces('text/plain')
  @ApiResponse({ status: 200, description: 'Metrics' })
  @ApiError(404, 'They are served on a port of their own')
  async read(@Res({ passthrough: true }) response: Response): Promise<string> {
    if (this.config.metricsPort !== undefined) throw new NotFoundException('there is no such route');
    response.setHeader('content-type', this.metrics.contentType);
    return this.metrics.exposition();
  }
}
