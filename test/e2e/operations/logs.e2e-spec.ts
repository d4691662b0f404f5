import type { LogLine } from '../../world/service/service-process.js';
import { waitFor } from '../../support/wait-for.js';
import { FORBIDDEN, LeakyWorld } from '../fixtures/logs.js';

/** Field names of one format. */
interface Format {
  message: string;
  requestId: string;
  path: string;
  /** One of our own fields. */
  own(line: LogLine, field: string): unknown;
}

const at = (line: unknown, path: string) => path.split('/').reduce((value, key) => (value as LogLine)?.[key], line);

const FORMATS: Record<string, Format> = {
  json: { message: 'msg', requestId: 'requestId', path: 'req/path', own: (line, field) => line[field] },
  ecs: {
    message: 'message',
    requestId: 'http.request.id',
    path: 'url.path',
    own: (line, field) => (field === 'durationMs' ? line['event.duration'] : at(line, `hbf/${field}`)),
  },
};

describe('log lines', () => {
  let world: LeakyWorld;

  afterEach(() => world.stop());

  it.each(Object.keys(FORMATS))(
    'hold what was decided, and no secret and no text of a customer (%s)',
    async (name) => {
      const format = FORMATS[name]!;
      world = await LeakyWorld.start('logs', { LOG_FORMAT: name });
      const lines = (message: string) => world.service.logs.filter((line) => line[format.message] === message);
      const results = () => new Set(lines('delivery.attempted').map((line) => String(format.own(line, 'result'))));
      await world.service.waitReady();
      const statuses = await world.callApi('request-of-the-test');
      await waitFor('a full round', () => {
      const wanted = ['session-check.finished', 'session-check.failed', 'training.finished', 'session.quarantined', 'mail.sent'];
      const states = lines('delivery.attempted').map((line) => format.own(line, 'state'));
      return wanted.every((message) => lines(message).length > 0) && states.includes('dead') && results().size >= 2;
    }, { timeoutMs: 30_000 }); // prettier-ignore
      const exit = await world.service.stop();

      const written = world.written;
      expect(FORBIDDEN.filter((text) => written.includes(text) || written.includes(encodeURIComponent(text)))).toEqual(
        [],
      );
      expect(exit).toEqual({ code: 0, signal: null });
      expect(world.service.output).toEqual([]);
      // the service had the secrets in memory
      expect(world.receivers[0]!.received[0]).toMatchObject({ raw: expect.stringContaining('my IBAN is') });
      expect(world.receivers[0]!.received[0]!.headers['authorization']).toBe('Bearer webhook-header-value');
      expect(new Set(statuses)).toEqual(new Set([200, 201, 400, 401, 404]));

      const attempted = lines('delivery.attempted').find((line) => format.own(line, 'code') === 'http_500')!;
      for (const field of ['sessionId', 'tenantId', 'organizationId', 'destination', 'channel', 'attempt', 'state', 'statusCode', 'durationMs', 'reason']) {
      expect([field, format.own(attempted, field)]).toEqual([field, expect.anything()]);
    } // prettier-ignore
      const check = lines('session-check.finished')[0]!;
      for (const field of ['tenants', 'found', 'held', 'completed', 'refused', 'malformed', 'durationMs']) {
        expect([field, format.own(check, field)]).toEqual([field, expect.any(Number)]);
      }
      const training = lines('training.finished')[0]!;
      for (const field of ['pipelineId', 'outcome', 'durationMs', 'nextAttemptAt']) {
        expect([field, format.own(training, field)]).toEqual([field, expect.anything()]);
      }
      const answered = lines('request completed').filter(
        (line) => at(line, format.requestId) === 'request-of-the-test',
      );
      expect(answered.map((line) => at(line, format.path))).toContain('/organizations/org-t1/integrations');
    },
    60_000,
  );
});
