import { Controller, Get, HttpCode, HttpStatus, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ApiUnreadable, PUBLIC } from '../http/public.js';
import type { Response } from 'express';
import { HealthService, type Readiness } from './health.service.js';

/** For probes. Needs no token; bodies hold no secret and no error text. */
@ApiTags('Operations')
@ApiUnreadable()
@Controller('health')
export class HealthController {
  constructor(private readonly health: HealthService) {}

  @Get()
  @ApiOperation({
    ...PUBLIC,
    summary: 'Liveness: the process answers',
    description: 'For liveness probes. Nothing else is checked. Needs no token.',
  })
  @ApiResponse({ status: 200, description: 'The process answers' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @HttpCode(HttpStatus.OK)
  @ApiOperation({
    ...PUBLIC,
    summary: 'Readiness: the database answers and the process is not stopping',
    description: 'For readiness probes. A platform that does not answer leaves the service ready. Needs no token.',
  })
  @ApiResponse({ status: 200, description: 'Ready' })
  @ApiResponse({ status: 503, description: 'Not ready; the body says which part' })
  async ready(@Res({ passthrough: true }) response: Response): Promise<Readiness> {
    const readiness = await this.health.readiness();
    if (readiness.status !== 'ready') response.status(HttpStatus.SERVICE_UNAVAILABLE);
    return readiness;
  }
}
