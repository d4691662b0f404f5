import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitFor } from '../../support/wait-for.js';
import { FORBIDDEN, LeakyWorld } from '../fixtures/logs.js';

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
}

interface Export {
  resourceSpans: { resource: { attributes: unknown[] }; scopeSpans: { spans: Span[] }[] }[];
}

/** An OpenTelemetry collector, as far as an exporter sees one. */
class Collector {
  readonly bodies: string[] = [];
  readonly paths = new Set<string | undefined>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Collector> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        collector.paths.add(request.url);
        collector.bodies.push(Buffer.concat(chunks).toString('utf8'));
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    const collector = new Collector(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get spans(): Span[] {
    const exports = this.bodies.map((body) => JSON.parse(body) as Export);
    return exports.flatMap(({ resourceSpans }) => resourceSpans.flatMap((one) => one.scopeSpans.flatMap((scope) => scope.spans))); // prettier-ignore
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe('traces', () => {
  it('are sent to the collector and passed on to the platform, and never to customers', async () => {
    const collector = await Collector.start();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_SERVICE_NAME: 'my-name',
    };
    const world = await LeakyWorld.start('logs-tracing', env);
    try {
      const asked: Record<string, IncomingHttpHeaders[]> = { 'GET /tenants': [], 'GET /users/me': [] };
      for (const [route, headers] of Object.entries(asked)) {
        world.platform.core.server.onBefore(route, (request) => void headers.push(request.headers));
      }
      await world.service.waitReady();
      await world.callApi('request-of-the-test');
      const named = (name: string) => collector.spans.filter((span) => span.name === name);
      const names = ['session-check', 'completion', 'delivery', 'PATCH /chat-sessions/batch/complete', 'GET /tenants'];
      await waitFor('spans of each kind', () => names.every((name) => named(name).length > 0), { timeoutMs: 30_000 });
      await waitFor('a retry', () => named('delivery').some(({ parentSpanId }) => !parentSpanId));
      await waitFor('all receivers to be tried', () => world.receivers.every(({ received }) => received.length > 0));
      await waitFor('the platform to be asked', () => asked['GET /tenants']!.length > 0);
      await world.service.stop();

      const parentOf = (span: Span) => collector.spans.find(({ spanId }) => spanId === span.parentSpanId)?.name;
      expect(collector.paths).toEqual(new Set(['/v1/traces']));
      expect(named('completion').map(parentOf)).toContain('session-check');
      expect(named('PATCH /chat-sessions/batch/complete').map(parentOf)).toContain('completion');
      expect(new Set(named('delivery').map(parentOf))).toEqual(new Set(['completion', undefined]));
      const traces = new Set(collector.spans.map(({ traceId }) => traceId));
      const [, traceId] = String(asked['GET /tenants']![0]!['traceparent']).split('-');
      expect(traces).toContain(traceId);
      expect(asked['GET /users/me']!.map((headers) => headers['x-request-id'])).toContain('request-of-the-test');
      for (const { headers } of world.receivers.flatMap(({ received }) => received)) {
        expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['traceparent']));
        expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['x-request-id']));
      }
      const sent = collector.bodies.join('\n');
      expect(FORBIDDEN.filter((text) => sent.includes(text))).toEqual([]);
      expect(sent).toContain('"my-name"');
    } finally {
      await world.stop();
      await collector.stop();
    }
  }, 60_000);
});
