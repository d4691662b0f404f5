import { connect } from 'node:net';
import { once } from 'node:events';
import { type LightRequest, type LightServer, listenLightly } from './light-server.js';
import { subjectOf } from './subject.js';

describe('the receiver over plain sockets', () => {
  let received: LightRequest[];
  let server: LightServer;

  beforeAll(async () => {
    server = await listenLightly((request, response) => {
      received.push(request);
      if (request.url === '/cut') response.cut();
      else response.answer(request.url === '/refused' ? 503 : 200);
    });
  });
  beforeEach(() => (received = []));
  afterAll(() => server.close());

  const post = (path: string, body = '', headers: Record<string, string> = {}) =>
    fetch(`${server.url}${path}`, { method: 'POST', body, headers });

  it('answers with the status that it is given, or cuts the connection', async () => {
    expect((await post('/accepted', 'x')).status).toBe(200);
    expect((await post('/refused')).status).toBe(503);
    await expect(post('/cut')).rejects.toThrow();
    expect(received.map(({ bodyBytes }) => bodyBytes)).toEqual([1, 0, 0]);
  });

  it('reads a request that comes in pieces, and the next one on the same connection', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    for (const piece of ['POST /a HTTP/1.1\r\nConte', 'nt-Length: 6\r\n\r\nab', 'cdef']) {
      await new Promise((resolve) => socket.write(piece, resolve));
      await new Promise(setImmediate);
    }
    await once(socket, 'data');
    socket.write('POST /b HTTP/1.1\r\nContent-Length: 0\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    expect(received.map(({ url: path, bodyBytes }) => [path, bodyBytes])).toEqual([
      ['/a', 6],
      ['/b', 0],
    ]);
  });

  it('finds out what a request is about without parsing its body', async () => {
    await post('/hook/7', '{"id":"s1"}', { 'webhook-id': 's1:7' });
    await post('/connectors/flows:trigger?tenantId=t', '{"id":"s2","messages":[]}');
    await post('/organizations/o/tenants/t/sessions/s3/analyze');
    expect(received.map(subjectOf)).toEqual([
      { destination: 'webhook:7', sessionId: 's1' },
      { destination: 'flow:t', sessionId: 's2' },
      { destination: 'analysis:t', sessionId: 's3' },
    ]);
  });
});
