import { BadRequestException, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';

/**
 * The number in `:integrationId`, read from the path as it stands: the global pipe would take `0x10` and `1e3` for
 * numbers. One that no integration can have is refused here, not asked of the database.
 */
export const IntegrationId = createParamDecorator((_: unknown, context: ExecutionContext): number => {
  const text = context.switchToHttp().getRequest<Request>().params['integrationId'] as string;
  if (!/^\d{1,15}$/.test(text)) throw new BadRequestException(['integrationId: must be a whole number']);
  return Number(text);
});
