import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';

/** For the `@ApiOperation` of a route that needs no token. */
export const PUBLIC = { security: [] };

/** Documents the one refusal of a route that takes nothing: Node's own, before any of our code runs. */
export const ApiUnreadable = (): ClassDecorator & MethodDecorator =>
  applyDecorators(ApiResponse({ status: 400, description: 'No valid HTTP, such as a missing Host; without a body' }));
