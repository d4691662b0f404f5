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
import type { ErrorBody } from './error-body.js';

type Failure = Pick<ErrorBody, 'statusCode' | 'message'>;

const NO_ROUTE: Failure = { statusCode: 404, message: 'there is no such route' };

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

/** Turns whatever was thrown into the one error body. A 500 tells nothing of its cause; the log does, by request id. */
@Catch()
export class ApiExceptionFilter implements ExceptionFilter {
  private readonly logger = new Logger(ApiExceptionFilter.name);

  catch(exception: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    // Nest's own message, which repeats the query
    const noRoute =
      exception instanceof NotFoundException && exception.message === `Cannot ${request.method} ${request.url}`;
    const { statusCode, message } = noRoute ? NO_ROUTE : failureOf(exception);
    const requestId = String(request.headers['x-request-id']);
    if (statusCode === 500) this.logger.error({ requestId, reason: reasonOf(exception) }, 'request.failed');
    if (response.headersSent) {
      response.end();
      return;
    }
    const error = STATUS_CODES[statusCode] ?? 'Error';
    const path = request.originalUrl.split('?')[0];
    response.status(statusCode).json({ statusCode, error, message, path, requestId } satisfies ErrorBody);
  }
}

function failureOf(exception: unknown): Failure {
  if (exception instanceof HttpException) return ofHttpException(exception);
  const status = statusOfUnreadable(exception);
  if (status !== undefined) return { statusCode: status, message: UNREADABLE[status] ?? UNREADABLE[400]! };
  if (isDatabaseAway(exception)) return { statusCode: 503, message: 'the database is away; try again later' };
  return { statusCode: 500, message: 'the service made an error' };
}

function ofHttpException(exception: HttpException): Failure {
  const statusCode = exception.getStatus();
  const unread = exception.cause === undefined ? undefined : statusOfUnreadable(exception.cause);
  if (unread !== undefined) return { statusCode, message: UNREADABLE[unread] ?? UNREADABLE[400]! };
  const body = exception.getResponse();
  const message = typeof body === 'object' && 'message' in body ? body.message : body;
  const listed = Array.isArray(message) ? message.map(String) : undefined;
  return { statusCode, message: listed ?? (typeof message === 'string' ? message : exception.message) };
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
