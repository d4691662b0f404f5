import { request } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import { integration, IntegrationsFixture, TOKENS } from '../fixtures/integrations.js';

const PATH = '/organizations/org1/integrations';
const AUTHORIZED = { authorization: `Bearer ${TOKENS.admin}` };

let fixture: IntegrationsFixture;

beforeAll(async () => {
  fixture = await IntegrationsFixture.start('api-refused-early');
});
afterAll(() => fixture.stop());

interface Raw {
  status: number;
  headers: Record<string, unknown>;
  body: { message?: unknown; title?: string };
}

/** fetch sends neither TRACE nor a body without a media type. */
function raw(method: string, path: string, headers: OutgoingHttpHeaders = {}, body?: string): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const sent = request(`${fixture.service.url}${path}`, { method, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        const json = text === '' || !String(response.headers['content-type']).includes('json') ? {} : JSON.parse(text);
        resolve({ status: response.statusCode!, headers: response.headers, body: json as Raw['body'] });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('a method that a path lacks', () => {
  it.each([
    ['DELETE', PATH, 'GET, HEAD, POST'],
    ['TRACE', PATH, 'GET, HEAD, POST'],
    ['POST', `${PATH}/1`, 'DELETE, GET, HEAD'],
    ['TRACE', `${PATH}/1`, 'DELETE, GET, HEAD'],
    ['DELETE', `${PATH}/errors/1`, 'GET, HEAD'],
    ['GET', `${PATH}/1/test`, 'POST'],
    ['PATCH', '/operations/session-checks', 'GET, HEAD, POST'],
    ['TRACE', '/operations/pipeline-checks', 'POST'],
    ['POST', '/health', 'GET, HEAD'],
    ['PUT', '/api-json', 'GET, HEAD'],
  ])('%s %s is answered 405 with Allow: %s, without a token', async (method, path, allowed) => {
    fixture.platform.core.server.resetCounters();
    const answer = await raw(method, path, { authorization: 'Bearer made-up', 'content-type': 'application/json' });
    expect([answer.status, answer.body.title]).toEqual([405, 'Method Not Allowed']);
    const allow = String(answer.headers['allow']).split(', ');
    expect(allow).toEqual(expect.arrayContaining(allowed.split(', ')));
    expect(allow).not.toContain(method);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(fixture.platform.core.server.requests).toEqual([]);
  });

  it('is told by OPTIONS, while HEAD is answered as GET without its body', async () => {
    const options = await raw('OPTIONS', PATH);
    expect([options.status, options.headers['allow']]).toEqual([204, 'GET, HEAD, POST']);
    expect((await raw('HEAD', PATH, AUTHORIZED)).status).toBe(200);
    expect((await raw('HEAD', `${PATH}/1/test`, AUTHORIZED)).status).toBe(405);
  });

  it('is 404 where no route has the path', async () => {
    expect((await raw('TRACE', '/nowhere')).status).toBe(404);
    expect((await raw('OPTIONS', '/nowhere')).status).toBe(404);
  });
});

describe('a body of another media type', () => {
  const body = JSON.stringify(integration());

  it.each([
    ['text/plain', 'text/plain'],
    ['a form', 'application/x-www-form-urlencoded'],
    ['JSON of another kind', 'application/vnd.api+json'],
    ['a merge patch', 'application/merge-patch+json'],
    ['none', undefined],
  ])('%s is answered 415 with what the route takes', async (_, type) => {
    const answer = await raw(
      'POST',
      PATH,
      { ...AUTHORIZED, ...(type !== undefined && { 'content-type': type }) },
      body,
    );
    expect([answer.status, answer.headers['accept']]).toEqual([415, 'application/json']);
    expect(answer.body.message).toMatch(/^type Content-Type: application\/json;/);
  });

  it('is no matter where there is no body, and parameters of the media type are taken', async () => {
    const form = { ...AUTHORIZED, 'content-type': 'application/x-www-form-urlencoded', 'content-length': '0' };
    expect((await raw('POST', `${PATH}/1/signing-secret/rotate`, form)).status).toBe(404);
    const json = { ...AUTHORIZED, 'content-type': 'Application/JSON; charset=utf-8' };
    expect((await raw('POST', PATH, json, body)).status).toBe(201);
  });
});

describe('a body that is no JSON', () => {
  it.each<[string, string, string]>([
    [
      '{\n  "url": "https://SECRET.example",\n  "tenants" ["t1"]\n}',
      'line 3',
      'is not valid JSON at line 3, column 13',
    ],
    ['{"url": ', 'its end is missing', 'is not valid JSON at line 1, column 9: its end is missing'],
    ['url=x', 'a form', 'is not valid JSON at line 1, column 1'],
    ['"text"', 'a text', 'must be a JSON object, sent as application/json'],
    ['null', 'null', 'must be a JSON object, sent as application/json'],
  ])('%j (%s) is answered with the position, and not repeated', async (body, _, message) => {
    const answer = await fixture.call('POST', PATH, { body });
    expect([answer.status, answer.body.errors]).toEqual([400, [{ field: 'body', message }]]);
    expect(answer.text).not.toContain('SECRET');
  });
});
