import type { Params } from 'nestjs-pino';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Config } from '../config/config.js';

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** JSON lines in production, readable ones elsewhere. Bodies and headers of requests are never logged. */
export function loggerParams(config: Config): Params {
  return {
    pinoHttp: {
      level: config.logLevel,
      transport: config.production ? undefined : { target: 'pino-pretty', options: { singleLine: true } },
      genReqId: requestId,
      quietReqLogger: true,
      autoLogging: { ignore: (request) => request.url?.startsWith('/health') ?? false },
      serializers: {
        req: (request: { id: string; method: string; url: string }) => ({
          id: request.id,
          method: request.method,
          path: request.url.split('?')[0],
        }),
        res: (response: { statusCode: number }) => ({ statusCode: response.statusCode }),
      },
    },
  };
}

function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
