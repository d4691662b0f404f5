import { ecsFormat } from '@elastic/ecs-pino-format';
import type { Params } from 'nestjs-pino';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { Options } from 'pino-http';
import type { Config } from '../config/config.js';
import { ecsFields } from './ecs-fields.js';
import { redacted } from './log-redaction.js';
import { version } from '../config/version.js';

const SERIALIZERS = {
  req: (request: IncomingMessage & { id: string }) => ({
    id: request.id,
    method: request.method,
    path: pathOf(request),
  }),
  res: ({ statusCode }: ServerResponse) => ({ statusCode }),
  err: errorFacts,
};

/** JSON lines in production, readable ones elsewhere. Bodies, headers and queries of requests are never logged. */
export function loggerParams(config: Config): Params {
  return {
    // probes are not logged; and before Node 24 nestjs-pino's store, once used, makes every promise of the process dearer
    exclude: ['health', 'health/ready', 'metrics'],
    pinoHttp: {
      level: config.logLevel,
      formatters: { log: redacted },
      // identifyRequest has set it
      genReqId: (request) => String(request.headers['x-request-id']),
      quietReqLogger: true,
      customAttributeKeys: { reqId: 'requestId' },
      serializers: SERIALIZERS,
      wrapSerializers: false,
      ...formatOf(config),
    },
  };
}

/** Leaves out an error's own properties: those of a driver's error may hold whole documents. */
export function errorFacts(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = 'code' in error && typeof error.code !== 'object' ? { code: error.code } : {};
  return { type: error.name, message: error.message, ...code, stack: error.stack };
}

function formatOf({ logFormat, logLevel, production }: Config): Options {
  const format = logFormat ?? (production ? 'json' : 'pretty');
  if (format === 'ecs') return ecs();
  if (format === 'json' || logLevel === 'silent' || !canLoad('pino-pretty')) return {};
  return { transport: { target: 'pino-pretty', options: { singleLine: true } } };
}

/** pino-pretty is a development dependency: an image without it still starts when NODE_ENV is not set. */
function canLoad(name: string): boolean {
  try {
    return createRequire(__filename).resolve(name) !== '';
  } catch {
    return false;
  }
}

function ecs(): Options {
  const options = ecsFormat({ serviceName: 'hbf-session-manager', serviceVersion: version, apmIntegration: false });
  const log = options.formatters?.log ?? ((fields: Record<string, unknown>) => fields);
  return {
    ...options,
    formatters: { ...options.formatters, log: (fields) => log(ecsFields(redacted(fields))) },
    customAttributeKeys: { req: 'http.request', reqId: 'http.request.id' },
    customProps: (request) => ({ 'url.path': pathOf(request) }),
    serializers: { ...SERIALIZERS, 'http.request': ({ method }: IncomingMessage) => ({ method }) },
  };
}

/** Without the query, which may hold anything. */
function pathOf({ originalUrl, url }: IncomingMessage & { originalUrl?: string }): string {
  return (originalUrl ?? url ?? '').split('?', 1)[0]!;
}
