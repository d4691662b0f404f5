import { Logger, ServiceUnavailableException } from '@nestjs/common';
import { PlatformError } from '../platform/platform-error.js';

const logger = new Logger('OnDemand');

/** @throws ServiceUnavailableException instead of a PlatformError; any other error as it is */
export function refuseWithoutCore(error: unknown): never {
  if (!(error instanceof PlatformError)) throw error;
  logger.warn({ reason: error.message }, 'on-demand.core-unavailable');
  throw new ServiceUnavailableException('hbf-core cannot be asked; try again later');
}
