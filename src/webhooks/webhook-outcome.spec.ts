import { DeadlineError } from '../transport/transport-errors.js';
import { AddressRefusedError } from './webhook-connector.js';
import { outcomeOf, type WebhookAnswer } from './webhook-outcome.js';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const answer = (status: number, headers = {}, body = ''): WebhookAnswer => ({
  status,
  headers,
  body: Buffer.from(body),
});
const failing = (code: string): WebhookAnswer => ({ error: Object.assign(new Error('secret 10.0.0.1'), { code }) });

describe('outcomeOf', () => {
  it.each([200, 201, 204, 299])('%i is delivered', (status) => {
    expect(outcomeOf(answer(status, {}, 'ok'), 5, NOW)).toEqual({
      result: 'delivered',
      statusCode: status,
      durationMs: 5,
      responseSnippet: 'ok',
    });
  });

  it.each([300, 302, 304, 400, 401, 404, 408, 413, 429, 500, 503])('%i failed and may be tried again', (status) => {
    expect(outcomeOf(answer(status), 5, NOW)).toMatchObject({
      result: 'failed',
      statusCode: status,
      code: `http_${status}`,
      retryable: true,
    });
  });

  it('410 is for good, and a redirect says why it failed', () => {
    expect(outcomeOf(answer(410), 5, NOW)).toMatchObject({ code: 'http_410', retryable: false });
    expect(outcomeOf(answer(307, { location: 'https://x.org/?k=s3cret' }), 5, NOW)).toMatchObject({
      message: 'the receiver answered 307; redirects are not followed',
    });
  });

  it('honours Retry-After with 429 and 503 only', () => {
    const headers = { 'retry-after': '7' };
    expect(outcomeOf(answer(429, headers), 5, NOW)).toMatchObject({ retryAfterMs: 7000 });
    expect(outcomeOf(answer(503, headers), 5, NOW)).toMatchObject({ retryAfterMs: 7000 });
    expect(outcomeOf(answer(500, headers), 5, NOW)).toMatchObject({ retryAfterMs: undefined });
  });

  it.each([
    ['ECONNREFUSED', 'ECONNREFUSED'],
    ['CERT_HAS_EXPIRED', 'CERT_HAS_EXPIRED'],
    ['ETIMEDOUT', 'timeout'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
    ['UND_ERR_SOCKET', 'ECONNRESET'],
    ['UND_ERR_HEADERS_OVERFLOW', 'response_broken'],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'response_broken'],
    ['UND_ERR_SOMETHING_NEW', 'network_error'],
    ['what is this?', 'network_error'],
  ])('names %s as %s, repeating no error text', (code, expected) => {
    const outcome = outcomeOf(failing(code), 5, NOW);
    expect(outcome).toMatchObject({ result: 'failed', code: expected, retryable: true });
    expect(JSON.stringify(outcome)).not.toMatch(/secret|10\.0/);
  });

  it('tells a refused address and a missed deadline apart', () => {
    expect(outcomeOf({ error: new AddressRefusedError('not public') }, 5, NOW)).toMatchObject({
      code: 'no_public_address',
      message: 'the host name resolves to no public address',
      retryable: true,
    });
    expect(outcomeOf({ error: new DeadlineError() }, 5, NOW)).toMatchObject({ code: 'timeout' });
  });

  it('keeps readable text of the body only', () => {
    expect(outcomeOf(answer(200, {}, 'a\0b\x1b[31m\nc'), 5, NOW)).toMatchObject({ responseSnippet: 'a�b�[31m\nc' });
    expect(outcomeOf(answer(200, { 'content-encoding': 'gzip' }, 'xx'), 5, NOW)).toMatchObject({
      responseSnippet: undefined,
    });
    const half: WebhookAnswer = { status: 200, headers: {}, body: Buffer.from('aΩ').subarray(0, 2) };
    expect(outcomeOf(half, 5, NOW)).toMatchObject({ responseSnippet: 'a' });
  });
});
