import { ConflictException, Logger } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import mongoose from 'mongoose';
import { PlatformError } from '../platform/platform-error.js';
import { ApiExceptionFilter } from './exception.filter.js';
import { ViolationsException } from './violations.js';

/** Stands for express' two objects, and keeps what was answered. */
function caught(exception: unknown): { status: number; type: string; body: Record<string, unknown> } {
  const answer = { status: 0, type: '', body: {} };
  const response = {
    headersSent: false,
    status: (status: number) => ((answer.status = status), response),
    type: (type: string) => ((answer.type = type), response),
    json: (body: Record<string, unknown>) => (answer.body = body),
  };
  const request = { method: 'GET', url: '/a?b=SECRET', originalUrl: '/a?b=SECRET', headers: { 'x-request-id': 'r1' } };
  new ApiExceptionFilter().catch(exception, new ExecutionContextHost([request, response]));
  return answer;
}

async function rejection(action: () => Promise<unknown>): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('ApiExceptionFilter', () => {
  beforeAll(() => {
    Logger.overrideLogger(false);
  });

  it('tells nothing of the cause of a 500', () => {
    const { status, type, body } = caught(new Error('password=hunter2'));
    expect([status, type]).toEqual([500, 'application/problem+json']);
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      detail: 'the service made an error',
      statusCode: 500,
      error: 'Internal Server Error',
      message: 'the service made an error',
      path: '/a',
      requestId: 'r1',
    });
  });

  it.each([
    ['an error with a status of its own', Object.assign(new Error('x'), { status: 401 })],
    ["a platform error's status", new PlatformError({ service: 'hbf-core', route: '/x', kind: 'refused', code: 'http_400', status: 400 })], // prettier-ignore
    ['a text', 'thrown text'],
    ['nothing', undefined],
  ])('does not take %s for the answer', (_, thrown) => {
    expect(caught(thrown).status).toBe(500);
  });

  it('passes on what a handler decided', () => {
    const { body } = caught(new ConflictException('taken'));
    expect(body).toMatchObject({ statusCode: 409, error: 'Conflict', message: 'taken', type: 'about:blank' });
  });

  it('lists violations by field, and says the same in lines', () => {
    const violations = [
      { field: 'a', message: 'must be short' },
      { field: 'list[2].b', message: 'must be a string' },
    ];
    const lines = ['a: must be short', 'list[2].b: must be a string'];
    expect(caught(new ViolationsException(violations)).body).toEqual({
      type: '/problems/validation',
      title: 'The request is not valid',
      status: 400,
      detail: lines.join('; '),
      errors: violations,
      statusCode: 400,
      error: 'Bad Request',
      message: lines,
      path: '/a',
      requestId: 'r1',
    });
  });

  it.each([
    [400, /malformed/],
    [413, /256 KB/],
    [415, /encoding/],
    [431, /malformed/],
  ])('explains a request that express could not read (%i)', (status, message) => {
    const { body } = caught(Object.assign(new Error('raw SECRET'), { status, statusCode: status, expose: true }));
    expect([body['statusCode'], body['message']]).toEqual([status, expect.stringMatching(message)]);
  });

  it('answers 503 while the database was never reached', async () => {
    const model = mongoose.createConnection().model('X', new mongoose.Schema({}, { bufferCommands: false }));
    const thrown = await rejection(() => model.findOne({}).exec());
    expect(caught(thrown).status).toBe(503);
  });

  it('answers 503 when no server answers', async () => {
    const client = new mongoose.mongo.MongoClient('mongodb://127.0.0.1:1/x', { serverSelectionTimeoutMS: 50 });
    const thrown = await rejection(() => client.db().collection('x').findOne({}));
    expect(caught(thrown).body).toMatchObject({ statusCode: 503, message: 'the database is away; try again later' });
  });
});
