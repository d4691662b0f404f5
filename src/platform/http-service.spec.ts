import { HttpService } from '@nestjs/axios';
import { Test, type TestingModule } from '@nestjs/testing';
import type { AxiosRequestConfig } from 'axios';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { format, inspect } from 'node:util';
import { of } from 'rxjs';
import { testConfig } from '../../test/world/service/service-environment.js';
import { ConfigModule } from '../config/config.module.js';
import { onBehalfOf } from '../tracing/current-request.js';
import { CoreClient } from './core/core.client.js';
import { EventPublisherClient } from './event-publisher/event-publisher.client.js';
import { NlpClient } from './nlp/nlp.client.js';
import { PlatformModule } from './platform.module.js';

const TOKEN = 'planted-core-token';
const CALLER = 'planted-caller-token';

/** One entry for each public method (tsc refuses a table that lacks one): the call, what it is answered, what is seen. */
type Calls<Client> = { [Method in keyof Client]: [(client: Client) => Promise<unknown>, unknown, string] };

const SESSION = { id: 's1', lastInteraction: '2026-01-01T00:00:00Z' };
const WHOLE = 'includeSettings=true&includeSystemSettings=true&includePlugins=true';
const query = { lastInteractionBefore: new Date(0), page: 0, pageSize: 5, includeMessages: true, tenantId: 't1' };

const CORE: Calls<CoreClient> = {
  listTenants: [(core) => core.listTenants(0, 5), [], `GET http://core.test/tenants?page=0&pageSize=5&${WHOLE}`],
  listActiveSessions: [(core) => core.listActiveSessions(query), [], expect.stringContaining('/chat-sessions?status=')],
  completeSessions: [
    (core) => core.completeSessions(['s1']),
    undefined,
    'PATCH http://core.test/chat-sessions/batch/complete {"ids":["s1"]}',
  ],
  getSession: [
    (core) => core.getSession('s1', { includeMessages: true, tenantId: 't1' }),
    SESSION,
    'GET http://core.test/chat-sessions/s1?includeMessages=true&includeTenant=true&includeLiveChats=true',
  ],
  listSurveys: [
    (core) => core.listSurveys({ organizationId: 'o1', tenantId: 't1', sessionId: 's1' }),
    [],
    expect.stringContaining('/organizations/o1/surveys?ses'),
  ],
  hasSurveys: [(core) => core.hasSurveys('o1'), [], 'GET http://core.test/organizations/o1/surveys?page=0&pageSize=1'],
  getContact: [
    (core) => core.getContact('o1', 't1', 'h'),
    {},
    'GET http://core.test/organizations/o1/tenants/t1/contact-by-subscriber-handle/h',
  ],
  listTenantIds: [
    (core) => core.listTenantIds('o1', 0, 500),
    [],
    'GET http://core.test/organizations/o1/tenants?page=0&pageSize=500',
  ],
  listTenantsOf: [
    (core) => core.listTenantsOf('o1', 0, 5),
    [],
    `GET http://core.test/organizations/o1/tenants?page=0&pageSize=5&${WHOLE}`,
  ],
  listTenantUsages: [
    (core) => core.listTenantUsages(),
    [],
    'GET http://core.test/tenants/usage?includeOnlyWithUsageLimits=true',
  ],
  disableTenant: [(core) => core.disableTenant('t1'), undefined, 'PATCH http://core.test/tenants/t1 {"disabled":true}'],
  getCurrentUser: [(core) => core.getCurrentUser(CALLER), { id: 'u1' }, 'GET http://core.test/users/me'],
  listOutdatedPipelines: [(core) => core.listOutdatedPipelines(), [], expect.stringContaining('status=OUTDATED')],
  listFailedPipelines: [(core) => core.listFailedPipelines(), [], expect.stringContaining('status=FAILED')],
  getPipeline: [(core) => core.getPipeline('p1'), { id: 'p1' }, 'GET http://core.test/nlp-pipelines/p1'],
  trainPipeline: [(core) => core.trainPipeline('p1'), undefined, 'POST http://core.test/nlp-pipelines/p1/train'],
};

const FLOW = {
  type: 'survey-completed',
  organizationId: 'o1',
  tenantId: 't1',
  body: '{}',
  idempotencyKey: 'k',
} as const;
const ANALYSIS = { organizationId: 'o1', tenantId: 't1', sessionId: 's1', idempotencyKey: 'k' };
const PUBLISHER: Calls<EventPublisherClient> = {
  trigger: [
    (publisher) => publisher.trigger(FLOW),
    undefined,
    'POST http://publisher.test/connectors/flows:trigger?triggerType=survey-completed&organizationId=o1&tenantId=t1 {}',
  ],
};

const NLP: Calls<NlpClient> = {
  analyze: [
    (nlp) => nlp.analyze(ANALYSIS),
    undefined,
    'POST http://nlp.test/organizations/o1/tenants/t1/sessions/s1/analyze',
  ],
  trainPipeline: [(nlp) => nlp.trainPipeline('p1'), undefined, 'POST http://nlp.test/nlp-pipelines/p1/train'],
};

/** Everything that a careless log could show of a value. */
const shown = (value: unknown): string =>
  [inspect(value, { depth: 20, showHidden: true, getters: true }), format('%o %O %j', value, value, value)].join('\n');

describe('A mock of HttpService', () => {
  let platform: TestingModule;
  let answer: unknown;
  let seen: AxiosRequestConfig[];

  beforeEach(async () => {
    seen = [];
    const request = (config: AxiosRequestConfig) => {
      seen.push(config);
      const data = answer === undefined ? undefined : Buffer.from(JSON.stringify(answer));
      return of({ status: 200, statusText: '', headers: {}, data, config });
    };
    platform = await Test.createTestingModule({
      imports: [ConfigModule.for(testConfig({ CORE_TOKEN: TOKEN })), PlatformModule],
    })
      .overrideProvider(HttpService)
      .useValue({ request })
      .compile();
  });

  afterEach(() => platform.close());

  it.each([
    ...Object.entries(CORE).map(([name, entry]) => ({ name, type: CoreClient, entry })),
    ...Object.entries(PUBLISHER).map(([name, entry]) => ({ name, type: EventPublisherClient, entry })),
    ...Object.entries(NLP).map(([name, entry]) => ({ name, type: NlpClient, entry })),
  ])('sees $type.name.$name, and no token', async ({ type, entry }) => {
    const [call, answered, expected] = entry as [(client: unknown) => Promise<unknown>, unknown, string];
    answer = answered;
    await call(platform.get(type)); // no host of that name exists: it resolves through the mock or not at all
    const told = seen.map(({ method, url, data }) => `${method} ${url}${data === undefined ? '' : ` ${String(data)}`}`);
    expect(told).toEqual([expected]);
    expect(shown(seen)).not.toContain('planted');
  });
});

describe('An interceptor of HttpService', () => {
  let server: Server;
  let platform: TestingModule;
  let http: HttpService;
  let received: IncomingHttpHeaders[];
  let status: number;

  beforeEach(async () => {
    [received, status] = [[], 200];
    server = createServer((request, response) => {
      received.push(request.headers);
      request.resume().on('end', () => response.writeHead(status, { 'x-from': 'server' }).end('{"id":"u1"}'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const config = testConfig({ CORE_URL: url, NLP_URL: url, EVENT_PUBLISHER_URL: url, CORE_TOKEN: TOKEN });
    platform = await Test.createTestingModule({ imports: [ConfigModule.for(config), PlatformModule] }).compile();
    http = platform.get(HttpService);
  });

  afterEach(async () => {
    await platform.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const trigger = () => platform.get(EventPublisherClient).trigger(FLOW);
  const analyze = () => platform.get(NlpClient).analyze(ANALYSIS);
  const currentUser = () => platform.get(CoreClient).getCurrentUser(CALLER);

  it('sees all headers but the token, and may add one', async () => {
    const seen: Record<string, unknown>[] = [];
    http.axiosRef.interceptors.request.use((config) => {
      seen.push(Object.fromEntries([...config.headers].map(([name, value]) => [name.toLowerCase(), value])));
      expect(shown(config)).not.toContain('planted');
      config.headers.set('x-added', 'yes');
      return config;
    });
    await onBehalfOf('request-1', currentUser);
    await onBehalfOf('request-1', trigger);
    const ours = { 'user-agent': 'hbf-session-manager', 'x-request-id': 'request-1' };
    const ofBody = { accept: 'application/json', 'accept-encoding': 'identity' };
    expect(seen).toEqual([
      { ...ours, ...ofBody },
      { ...ours, 'content-type': 'application/json', 'idempotency-key': 'k' },
    ]);
    expect(received).toMatchObject([
      { ...ours, 'x-added': 'yes', accept: 'application/json', authorization: `Bearer ${CALLER}` },
      { ...ours, 'x-added': 'yes', 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    ]);
  });

  it('sees the answer, whatever its status, and no token', async () => {
    const seen: unknown[] = [];
    http.axiosRef.interceptors.response.use((response) => {
      seen.push({ status: response.status, from: response.headers['x-from'] as unknown });
      expect(shown(response)).not.toContain('planted');
      return response;
    });
    await trigger();
    status = 503;
    await expect(trigger()).rejects.toMatchObject({ name: 'PlatformError', status: 503 });
    expect(seen).toEqual([200, 503].map((one) => ({ status: one, from: 'server' })));
  });

  it('sends no header that was not given', async () => {
    await analyze();
    await currentUser();
    const always = ['authorization', 'connection', 'host', 'user-agent'];
    expect(received.map((headers) => Object.keys(headers).sort())).toEqual([
      [...always, 'content-length', 'idempotency-key'].sort(),
      [...always, 'accept', 'accept-encoding'].sort(),
    ]);
  });

  it.each(['request', 'response'] as const)(
    'that throws at the %s leads to a PlatformError that keeps nothing of the request',
    async (side) => {
      const fail = (holder: object): never => {
        throw Object.assign(new Error('not today'), { code: 'ERR_NOT_TODAY', config: holder, headers: received[0] });
      };
      http.axiosRef.interceptors[side].use(fail);
      const error: unknown = await currentUser().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ name: 'PlatformError', kind: 'unreachable', code: 'ERR_NOT_TODAY' });
      expect(shown(error)).not.toMatch(/planted|accept-encoding/);
    },
  );
});
