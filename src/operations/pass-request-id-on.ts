import type { NextFunction, Request, Response } from 'express';
import { onBehalfOf } from '../tracing/current-request.js';

/** Lets calls to the platform's services that serve this request carry its id. `identifyRequest` has set it. */
export function passRequestIdOn(request: Request, response: Response, next: NextFunction): void {
  onBehalfOf(String(request.headers['x-request-id']), next, (end) => response.once('close', end));
}
