import { ecsFormat } from '@elastic/ecs-pino-format';
import type { Params } from 'nestjs-pino';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { DestinationStream } from 'pino';
import type { Options } from 'pino-http';
import type PinoPretty from 'pino-pretty';
import type { Config } from '../config/config.js';
import { ecsFields } from './ecs-fields.js';
import { logDestination } from './log-destination.js';
import { redacted } from './log-redaction.js';
import { version } from '../config/version.js';

const load = createRequire(__filename);

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
      ...(formatOf(config) === 'ecs' ? ecs() : {}),
      stream: streamOf(config),
    },
  };
}

/** How lines look: readable ones only where pino-pretty is there. */
function formatOf({ logFormat, logLevel, production }: Config): 'json' | 'ecs' | 'pretty' {
  const format = logFormat ?? (production ? 'json' : 'pretty');
  return format === 'pretty' && (logLevel === 'silent' || !canLoad('pino-pretty')) ? 'json' : format;
}

/** Where lines go. Readable ones are made here: pino-pretty's own thread would wait for the reader of a full pipe. */
function streamOf(config: Config): DestinationStream {
  const destination = logDestination();
  if (formatOf(config) !== 'pretty') return destination;
  const { prettyFactory } = load('pino-pretty') as typeof PinoPretty;
  const pretty = prettyFactory({ singleLine: true });
  return { write: (line) => destination.write(pretty(line)) };
}

/** Leaves out an error's own properties: those of a driver's error may hold whole documents. */
export function errorFacts(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = 'code' in error && typeof error.code !== 'object' ? { code: error.code } : {};
  return { type: error.name, message: error.message, ...code, stack: error.stack };
}

/** pino-pretty is a development dependency: an image without it still starts when NODE_ENV is not set. */
function canLoad(name: string): boolean {
  try {
    return load.resolve(name) !== '';
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
