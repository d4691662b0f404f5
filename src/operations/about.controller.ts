import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import { version } from '../config/version.js';

/** The service's name and version. */
export class About {
  @ApiProperty({ example: 'hbf-session-manager' })
  name: string;

  @ApiProperty({ example: '1.2.3' })
  version: string;
}

@ApiTags('Operations')
@Controller()
export class AboutController {
  @Get()
  @ApiOperation({ summary: "The service's name and version; needs no token" })
  @ApiResponse({ status: 200, description: 'Name and version', type: About })
  about(): About {
    return { name: 'hbf-session-manager', version };
  }
}
