import { BadRequestException, type INestApplication, type PipeTransform, ValidationPipe } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import helmet from 'helmet';
import { Config } from '../config/config.js';
import { ApiExceptionFilter } from './exception.filter.js';
import { identifyRequest } from './request-id.js';
import { version } from './version.js';
import { violationsOf } from './violations.js';

const MAX_BODY_BYTES = 256 * 1024;
const MAX_BODY_DEPTH = 32;

/** What every route shares: ids, headers, limits and validation of requests, errors, and the API's own documentation. */
export function setUpApi(app: INestApplication): void {
  const express = app as NestExpressApplication;
  const config = app.get(Config);
  express.disable('x-powered-by');
  express.set('trust proxy', config.trustedProxyHops);
  // the order counts: what the body parser refuses has its id and its headers by then
  app.use(identifyRequest);
  app.use(helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }));
  if (config.corsAllowedOrigins.length > 0) allowOrigins(app, config.corsAllowedOrigins);
  express.useBodyParser('json', { limit: MAX_BODY_BYTES });
  app.useGlobalPipes(new ShallowPipe(), strictValidation());
  app.useGlobalFilters(new ApiExceptionFilter());
  if (config.swaggerEnabled ?? !config.production) documentApi(app);
}

function allowOrigins(app: INestApplication, origins: readonly string[]): void {
  app.enableCors({
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'if-match', 'x-request-id'],
    exposedHeaders: ['etag', 'retry-after', 'x-request-id'],
    maxAge: 600,
  });
}

function strictValidation(): ValidationPipe {
  return new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    transform: true,
    exceptionFactory: (errors) => new BadRequestException(violationsOf(errors)),
  });
}

/** Refuses bodies that are nested so deep that walking them would exhaust the stack. */
class ShallowPipe implements PipeTransform {
  transform(value: unknown): unknown {
    if (isDeeperThan(value, MAX_BODY_DEPTH)) throw new BadRequestException('body: is nested too deep');
    return value;
  }
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

function documentApi(app: INestApplication): void {
  const description = new DocumentBuilder()
    .setTitle('hbf-session-manager')
    .setDescription('Ends chat sessions that have gone quiet, and tells everyone who waits for that.')
    .setVersion(version)
    .addBearerAuth();
  SwaggerModule.setup('api', app, () => SwaggerModule.createDocument(app, description.build()), {
    jsonDocumentUrl: 'api-json',
  });
}
