import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Request } from 'express';
import helmet from 'helmet';
import { Config } from '../config/config.js';
import { documentApi, type PublishedBodies } from './api-document.js';
import { MAX_BODY_BYTES } from './body.pipe.js';
import { hasReadableBody } from './body-types.js';
import { refuseEarly } from './early-refusals.js';
import { ApiExceptionFilter } from './exception.filter.js';
import { identifyRequest } from './request-id.js';
import { RouteTable } from './route-table.js';
import { setUpValidation } from './validation.js';

/**
 * What every route shares: ids, headers, limits and validation of requests, errors, and the API's own documentation.
 *
 * @param published what the documentation tells of the bodies that are sent
 */
export function setUpApi(app: INestApplication, published: () => PublishedBodies): void {
  const express = app as NestExpressApplication;
  const config = app.get(Config);
  express.disable('x-powered-by');
  express.set('trust proxy', config.trustedProxyHops);
  // the order counts: what the body parser refuses has its id and its headers by then
  app.use(identifyRequest);
  app.use(helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }));
  if (config.corsAllowedOrigins.length > 0) allowOrigins(app, config.corsAllowedOrigins);
  app.use(refuseEarly(new RouteTable(express.getHttpAdapter().getInstance())));
  express.useBodyParser('json', { limit: MAX_BODY_BYTES, type: (request) => hasReadableBody(request as Request) });
  setUpValidation(app);
  app.useGlobalFilters(new ApiExceptionFilter());
  documentApi(app, { ui: config.swaggerEnabled ?? !config.production, published });
}

function allowOrigins(app: INestApplication, origins: readonly string[]): void {
  app.enableCors({
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'if-match', 'x-request-id'],
    exposedHeaders: ['allow', 'etag', 'retry-after', 'www-authenticate', 'x-request-id'],
    maxAge: 600,
  });
}
