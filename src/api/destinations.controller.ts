import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Moderation } from '../auth/restricted.decorator.js';
import { ApiInvalid } from '../http/error-body.js';
import { DestinationsQuery, ListedDestinationResource } from './destinations.dto.js';
import { DestinationsService } from './destinations.service.js';

/** Where deliveries wait, and which circuits are open. */
@ApiTags('Operations')
@Moderation()
@Controller('operations/destinations')
export class DestinationsController {
  constructor(private readonly destinations: DestinationsService) {}

  @Get()
  @ApiOperation({
    summary: 'List the destinations of all organizations that have something pending or an open circuit',
    description:
      "The platform's services with an open circuit come first, then what is pending, the longest due first, then open " +
      'circuits of which nothing is pending.',
  })
  @ApiResponse({ status: 200, description: 'At most as many as wanted', type: [ListedDestinationResource] })
  @ApiInvalid()
  list(@Query() { limit }: DestinationsQuery): Promise<ListedDestinationResource[]> {
    return this.destinations.list(limit!);
  }
}
