import { MethodNotAllowedException, UnsupportedMediaTypeException } from '@nestjs/common';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { bodyTypesOf, hasBody, hasReadableBody } from './body-types.js';
import type { RouteTable } from './route-table.js';

/**
 * Refuses what no route can take, before anybody is authenticated and before a body is read: 405 with `Allow` for a
 * method that a path lacks, 415 for a body of another media type. OPTIONS is answered with `Allow`, as express does.
 */
export function refuseEarly(routes: RouteTable): RequestHandler {
  return (request: Request, response: Response, next: NextFunction) => {
    const methods = routes.methodsOf(request.path);
    if (methods.length === 0) return next(); // 404 follows
    if (methods.includes(request.method)) return next(refusalOfBody(request, response));
    response.setHeader('allow', methods.join(', '));
    if (request.method === 'OPTIONS') return response.status(204).end();
    next(new MethodNotAllowedException(`${request.method} is not allowed here, only ${methods.join(', ')}`));
  };
}

function refusalOfBody(request: Request, response: Response): UnsupportedMediaTypeException | undefined {
  const types = bodyTypesOf(request);
  if (types.length === 0 || !hasBody(request) || hasReadableBody(request)) return undefined;
  response.setHeader('accept', types.join(', '));
  const given = request.headers['content-type'] === undefined ? 'there is none' : 'it names another media type';
  return new UnsupportedMediaTypeException(`type Content-Type: ${types.join(' or ')}; ${given}`);
}
