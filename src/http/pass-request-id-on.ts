import type { NextFunction, Request, Response } from 'express';
import { onBehalfOf } from '../tracing/current-request.js';

/** Makes calls to the platform's services that serve this request carry its id, which `identifyRequest` has set. */
export function passRequestIdOn(request: Request, response: Response, next: NextFunction): void {
  onBehalfOf(String(request.headers['x-request-id']), next, (end) => response.once('close', end));
}
