import { ecsFormat } from '@elastic/ecs-pino-format';
import type { Params } from 'nestjs-pino';
import { createRequire } from 'node:module';
import type { LoggerOptions } from 'pino';
import type { Config } from '../config/config.js';
import { ecsBindings, ecsFields, pathOf, type SeenRequest } from './ecs-fields.js';
import { version } from './version.js';

/**
 * What must not be in any log line, at the top or up to two levels down. Nobody logs these: it is a second net, for
 * objects that somebody logs whole some day.
 */
const SECRETS = ['authorization', 'cookie', 'password', 'token', 'secret', 'signingSecrets', 'headers'];
const CUSTOMER_DATA = ['messages', 'transcript', 'contacts', 'payload', 'body', 'variables'];
const REDACTED = [...SECRETS, ...CUSTOMER_DATA].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** JSON lines in production, readable ones elsewhere. Bodies, headers and queries of requests are never logged. */
export function loggerParams(config: Config): Params {
  return {
    pinoHttp: {
      level: config.logLevel,
      redact: { paths: REDACTED, censor: '[redacted]' },
      // identifyRequest came first
      genReqId: (request) => String(request.headers['x-request-id']),
      quietReqLogger: true,
      customAttributeKeys: { reqId: 'requestId' },
      autoLogging: { ignore: (request) => /^\/(health|metrics)\b/.test(request.url ?? '') },
      serializers: {
        req: (request: SeenRequest) => ({ id: request.id, method: request.method, path: pathOf(request) }),
        res: ({ statusCode }: { statusCode: number }) => ({ statusCode }),
        err: errorFacts,
      },
      wrapSerializers: false,
      ...formatOf(config),
    },
  };
}

/** No properties of its own: those of a driver's error may hold whole documents. */
export function errorFacts(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = 'code' in error && typeof error.code !== 'object' ? { code: error.code } : {};
  return { type: error.name, message: error.message, ...code, stack: error.stack };
}

function formatOf({ logFormat, logLevel, production }: Config): LoggerOptions {
  const format = logFormat ?? (production ? 'json' : 'pretty');
  if (format === 'ecs') return ecs();
  if (format === 'json' || logLevel === 'silent' || !canLoad('pino-pretty')) return {};
  return { transport: { target: 'pino-pretty', options: { singleLine: true } } };
}

/** It is a development dependency: an image without it still starts when NODE_ENV is forgotten. */
function canLoad(name: string): boolean {
  try {
    return createRequire(__filename).resolve(name) !== '';
  } catch {
    return false;
  }
}

function ecs(): LoggerOptions {
  const options = ecsFormat({ serviceName: 'hbf-session-manager', serviceVersion: version, apmIntegration: false });
  const { log = unchanged, bindings = unchanged } = options.formatters ?? {};
  return {
    ...options,
    formatters: {
      ...options.formatters,
      log: (fields) => log(ecsFields(fields)),
      bindings: (fields) => bindings(ecsBindings(fields)),
    },
  };
}

function unchanged(fields: Record<string, unknown>): Record<string, unknown> {
  return fields;
}
