import { ApiProperty } from '@nestjs/swagger';

/** The body of every answer outside 2xx and 3xx. */
export class ErrorBody {
  @ApiProperty({ description: 'The HTTP status', example: 400 })
  statusCode: number;

  @ApiProperty({ description: 'The name of the status', example: 'Bad Request' })
  error: string;

  @ApiProperty({
    description: 'What is wrong; a list where several things are',
    oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
    example: ['url: must be an absolute https URL', 'tenants: must hold 1 to 1000 entries'],
  })
  message: string | string[];

  @ApiProperty({ required: false, description: 'The path that was asked for, without its query' })
  path?: string;

  @ApiProperty({ description: 'By which the log knows this request; also in the header x-request-id' })
  requestId: string;
}
