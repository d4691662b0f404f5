import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ApiUnreadable, PUBLIC } from '../http/public.js';
import { version } from '../config/version.js';

/** The service's name and version. */
export class About {
  @ApiProperty({ example: 'hbf-session-manager' })
  name: string;

  @ApiProperty({ example: '1.2.3' })
  version: string;
}

@ApiTags('Operations')
@ApiUnreadable()
@Controller()
export class AboutController {
  @Get()
  @ApiOperation({
    ...PUBLIC,
    summary: "The service's name and version",
    description: 'The version is that of this document. Needs no token.',
  })
  @ApiResponse({ status: 200, description: 'Name and version', type: About })
  about(): About {
    return { name: 'hbf-session-manager', version };
  }
}
