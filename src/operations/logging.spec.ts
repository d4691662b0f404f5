import pino, { type DestinationStream, type Logger, type LoggerOptions } from 'pino';
import { Writable } from 'node:stream';
import { testConfig } from '../../test/world/service/service-environment.js';
import { LogDestination } from './log-destination.js';
import { loggerParams } from './logging.js';

function optionsFor(env: Record<string, string>): LoggerOptions {
  return loggerParams(testConfig(env)).pinoHttp as LoggerOptions;
}

function lineOf(env: Record<string, string>, write: (logger: Logger) => void): Record<string, unknown> {
  let text = '';
  const stream = new Writable({ write: (chunk, _encoding, done) => ((text += String(chunk)), done()) });
  write(pino(optionsFor(env), stream));
  return JSON.parse(text) as Record<string, unknown>;
}

/** @returns what reaches the log for one line of pino's */
function written(env: Record<string, string>, line: string): string[] {
  const write = jest.spyOn(LogDestination.prototype, 'write').mockImplementation();
  (loggerParams(testConfig(env)).pinoHttp as { stream: DestinationStream }).stream.write(line);
  const lines = write.mock.calls.map(([text]) => text);
  write.mockRestore();
  return lines;
}

describe.each([
  ['json', (line: Record<string, unknown>) => line],
  ['ecs', (line: Record<string, unknown>) => line['hbf'] as Record<string, unknown>],
])('loggerParams as %s', (format, own) => {
  const env = { LOG_FORMAT: format };

  it.each([
    ['at the top', { authorization: 'SECRET', messages: ['SECRET'] }],
    ['one level down', { integration: { headers: [{ name: 'a', value: 'SECRET' }], signingSecrets: ['SECRET'] } }],
    ['two levels down', { request: { options: { cookie: 'SECRET', token: 'SECRET' } } }],
    ['in a list', { items: [{ id: 1 }, { session: { transcript: 'SECRET' } }] }],
    ['of a customer', { session: { messages: [{ message: 'SECRET' }], contacts: ['SECRET'], variables: 'SECRET' } }],
  ])('takes out what nobody should have logged, %s', (_, fields) => {
    const line = lineOf(env, (logger) => logger.info(fields, 'an.event'));
    expect(JSON.stringify(line)).not.toContain('SECRET');
    expect(JSON.stringify(line)).toContain('[redacted]');
  });

  it('leaves what is logged on purpose', () => {
    const fields = {
      destination: 'webhook:1',
      attempt: 2,
      code: 'http_503',
      nested: { deep: [{ id: 'x' }], at: new Date(0).toISOString() },
    };
    expect(own(lineOf(env, (logger) => logger.info(fields, 'delivery.attempted')))).toMatchObject(fields);
  });

  it('keeps of an error what it says and where, not what it carries', () => {
    const error = Object.assign(new Error('refused'), { code: 11000, writeErrors: [{ op: { note: 'SECRET' } }] });
    const text = JSON.stringify(lineOf(env, (logger) => logger.error({ err: error }, 'broken')));
    expect(text).not.toContain('SECRET');
    expect(text).toContain('refused');
    expect(text).toContain('logging.spec');
  });
});

describe('loggerParams', () => {
  it('uses the fields of the Elastic Common Schema where it is told to', () => {
    const fields = { context: 'AttemptRunner', destination: 'webhook:1', durationMs: 12.5 };
    const line = lineOf({ LOG_FORMAT: 'ecs' }, (logger) => logger.warn(fields, 'delivery.attempted'));
    expect(line).toMatchObject({
      '@timestamp': expect.stringMatching(/^\d{4}-/) as string,
      'log.level': 'warn',
      'log.logger': 'AttemptRunner',
      'ecs.version': expect.any(String) as string,
      'service.name': 'hbf-session-manager',
      'event.duration': 12_500_000,
      message: 'delivery.attempted',
      // a text under ECS's own name `destination` would have Elasticsearch refuse the line
      hbf: { destination: 'webhook:1' },
    });
  });

  it('writes JSON in production, readable lines elsewhere, and what it is told to', () => {
    const production = { NODE_ENV: 'production', MONGODB_URI: 'mongodb://x', SECRETS_ENCRYPTION_KEY: Buffer.alloc(32).toString('base64') }; // prettier-ignore
    const line = '{"level":30,"time":0,"msg":"an.event","attempt":2}\n';
    const readable = expect.stringMatching(/^\[.*an\.event.*"attempt":2.*\n$/) as string;
    expect(written(production, line)).toEqual([line]);
    expect(written({}, line)).toEqual([readable]);
    expect(written({ ...production, LOG_FORMAT: 'pretty' }, line)).toEqual([readable]);
    expect(written({ LOG_FORMAT: 'json' }, line)).toEqual([line]);
    expect(written({ LOG_LEVEL: 'silent' }, line)).toEqual([line]);
  });
});
