import { Test } from '@nestjs/testing';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Config } from '../config/config.js';
import { ConfigModule } from '../config/config.module.js';
import { CoreClient } from './core/core.client.js';
import { EventPublisherClient } from './event-publisher/event-publisher.client.js';
import { NlpClient } from './nlp/nlp.client.js';
import { PlatformCalls } from './platform-calls.js';
import { PlatformModule } from './platform.module.js';

describe('PlatformModule', () => {
  let server: Server;
  let url: string;
  let status: number;
  const seen: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen.push(`${request.method} ${request.url} ${body}`);
        response.writeHead(status).end('ignored');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });

  beforeEach(() => seen.splice(0));

  const start = async () => {
    const urls = { CORE_URL: url, EVENT_PUBLISHER_URL: url, NLP_URL: url };
    const config = Config.fromEnvironment({ ...urls, CORE_TOKEN: 'token' });
    return Test.createTestingModule({ imports: [ConfigModule.for(config), PlatformModule] }).compile();
  };

  it('gives every client, and tells listeners of their calls', async () => {
    status = 202;
    const app = await start();
    const outcomes: unknown[] = [];
    app.get(PlatformCalls).listen(({ service, route, outcome }) => outcomes.push(`${service} ${route} ${outcome}`));
    const trigger = { type: 'survey-completed', organizationId: 'o 1', tenantId: 't&1', body: '{"id":"v1"}', idempotencyKey: 's1:survey:v1' } as const; // prettier-ignore
    expect(await app.get(EventPublisherClient).trigger(trigger)).toEqual({ status: 202 });
    const session = { organizationId: 'o/1', tenantId: 't1', sessionId: 's1', idempotencyKey: 's1:analysis' };
    expect(await app.get(NlpClient).analyze(session)).toEqual({ status: 202 });
    await app.get(NlpClient).trainPipeline('p1');
    await app.get(CoreClient).completeSessions(['s1']);
    await app.close();
    expect(seen).toEqual([
      'POST /connectors/flows:trigger?triggerType=survey-completed&organizationId=o+1&tenantId=t%261 {"id":"v1"}',
      'POST /organizations/o%2F1/tenants/t1/sessions/s1/analyze ',
      'POST /nlp-pipelines/p1/train ',
      'PATCH /chat-sessions/batch/complete {"ids":["s1"]}',
    ]);
    expect(outcomes).toEqual([
      'hbf-event-publisher /connectors/flows:trigger 202',
      'hbf-nlp /organizations/{organizationId}/tenants/{tenantId}/sessions/{sessionId}/analyze 202',
      'hbf-nlp /nlp-pipelines/{id}/train 202',
      'hbf-core /chat-sessions/batch/complete 202',
    ]);
  });

  it('makes one attempt only where a retry is decided elsewhere', async () => {
    status = 503;
    const app = await start();
    const trigger = { type: 'chat-session-completed', organizationId: 'o', tenantId: 't', body: '{}', idempotencyKey: 'k' } as const; // prettier-ignore
    await expect(app.get(EventPublisherClient).trigger(trigger)).rejects.toMatchObject({ code: 'http_503' });
    const session = { organizationId: 'o', tenantId: 't', sessionId: 's', idempotencyKey: 'k' };
    await expect(app.get(NlpClient).analyze(session)).rejects.toMatchObject({ kind: 'failed' });
    await expect(app.get(NlpClient).trainPipeline('p')).rejects.toMatchObject({ service: 'hbf-nlp' });
    await app.close();
    expect(seen).toHaveLength(3);
  });
});
