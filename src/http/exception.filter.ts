import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
  NotFoundException,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import mongoose from 'mongoose';
import { STATUS_CODES } from 'node:http';
import { NO_OBJECT } from './body.pipe.js';
import { type ErrorBody, PROBLEM_JSON, type Violation } from './error-body.js';
import { jsonErrorAt, positionOf } from './json-position.js';
import { ViolationsException } from './violations.js';

/** What an exception means to the caller. */
interface Failure {
  status: number;
  message: string;
  /** The rules that the request breaks, when that is the error; `lines` says the same as texts. */
  violated?: { violations: Violation[]; lines: string[] };
}

const NO_ROUTE: Failure = { status: 404, message: 'there is no such route' };

const DATABASE_AWAY = [
  mongoose.mongo.MongoNetworkError,
  mongoose.mongo.MongoServerSelectionError,
  mongoose.mongo.MongoNotConnectedError,
  mongoose.mongo.MongoTopologyClosedError,
];

/** What express and its body parser say of requests that they cannot read, by status. */
const UNREADABLE: Record<number, string> = {
  400: 'the request cannot be read: its path or body is malformed',
  413: 'the body is larger than 256 KB',
  415: 'the encoding of the body is not supported',
};

/**
 * Answers every exception with an ErrorBody, and is the only place that makes one. A 500 tells nothing of its cause; the
 * log does, by request id.
 */
@Catch()
export class ApiExceptionFilter implements ExceptionFilter {
  private readonly logger = new Logger(ApiExceptionFilter.name);

  catch(exception: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    // Nest's own message, which repeats the query
    const noRoute =
      exception instanceof NotFoundException && exception.message === `Cannot ${request.method} ${request.url}`;
    const failure = noRoute ? NO_ROUTE : failureOf(exception);
    const requestId = String(request.headers['x-request-id']);
    if (failure.status === 500) this.logger.error({ requestId, reason: reasonOf(exception) }, 'request.failed');
    if (response.headersSent) {
      response.end();
      return;
    }
    const path = request.originalUrl.split('?', 1)[0]!;
    response
      .status(failure.status)
      .type(PROBLEM_JSON)
      .json(errorBody(failure, path, requestId));
  }
}

function errorBody({ status, message, violated }: Failure, path: string, requestId: string): ErrorBody {
  const error = STATUS_CODES[status] ?? 'Error';
  const common = { statusCode: status, error, path, requestId };
  if (!violated) return { type: 'about:blank', title: error, status, detail: message, ...common, message };
  const { violations: errors, lines } = violated;
  const title = 'The request is not valid';
  return { type: '/problems/validation', title, status, detail: lines.join('; '), errors, ...common, message: lines };
}

function failureOf(exception: unknown): Failure {
  if (exception instanceof HttpException) return ofHttpException(exception);
  const unparsed = textOfUnparsed(exception);
  if (unparsed !== undefined) return ofHttpException(noJson(unparsed));
  const status = statusOfUnreadable(exception);
  if (status !== undefined) return { status, message: UNREADABLE[status] ?? UNREADABLE[400]! };
  if (isDatabaseAway(exception)) return { status: 503, message: 'the database is away; try again later' };
  return { status: 500, message: 'the service made an error' };
}

function ofHttpException(exception: HttpException): Failure {
  const status = exception.getStatus();
  if (exception instanceof ViolationsException) return { status, message: exception.message, violated: exception };
  const unparsed = textOfUnparsed(exception.cause);
  if (unparsed !== undefined) return ofHttpException(noJson(unparsed));
  const unread = exception.cause === undefined ? undefined : statusOfUnreadable(exception.cause);
  return { status, message: unread === undefined ? exception.message : (UNREADABLE[unread] ?? UNREADABLE[400]!) };
}

/** The text that body-parser could not parse; its own message repeats what was sent. */
function textOfUnparsed(exception: unknown): string | undefined {
  const { type, body } = (exception ?? {}) as { type?: unknown; body?: unknown };
  return type === 'entity.parse.failed' && typeof body === 'string' ? body : undefined;
}

/** Also for a text that is JSON: body-parser takes objects and lists alone. */
function noJson(text: string): ViolationsException {
  const index = jsonErrorAt(text);
  if (index === undefined) return new ViolationsException([{ field: 'body', message: NO_OBJECT }]);
  const { line, column } = positionOf(text, index);
  const ending = index === text.length ? ': its end is missing' : '';
  return new ViolationsException([
    { field: 'body', message: `is not valid JSON at line ${line}, column ${column}${ending}` },
  ]);
}

/** The errors of express and body-parser carry `expose` and a status; ours and the drivers' carry no `expose`. */
function statusOfUnreadable(exception: unknown): number | undefined {
  if (exception instanceof URIError) return 400;
  if (typeof exception !== 'object' || exception === null || !('expose' in exception)) return undefined;
  const status = 'status' in exception ? Number(exception.status) : 0;
  return exception.expose === true && status >= 400 && status < 500 ? status : undefined;
}

/** Not connected yet shows as an error of mongoose itself. */
function isDatabaseAway(exception: unknown): boolean {
  if (DATABASE_AWAY.some((type) => exception instanceof type)) return true;
  return exception instanceof mongoose.Error && exception.constructor === mongoose.Error;
}

/** Only the stack: the properties of a driver's error may hold whole documents. */
function reasonOf(exception: unknown): string {
  return exception instanceof Error ? (exception.stack ?? exception.message) : typeof exception;
}
