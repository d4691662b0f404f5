import { IntegrationsFixture, TOKENS } from '../fixtures/integrations.js';

const PATH = '/organizations/org1/integrations';

let fixture: IntegrationsFixture | undefined;

async function startWith(name: string, env: Record<string, string>): Promise<IntegrationsFixture> {
  fixture = await IntegrationsFixture.start(`api-http-${name}`, env);
  return fixture;
}

afterEach(async () => {
  await fixture?.stop();
  fixture = undefined;
});

describe('each answer', () => {
  it('carries the headers of helmet, a request id, and not the name of the framework', async () => {
    const { call } = bound(await startWith('headers', {}));
    for (const [path, status] of [
      [PATH, 200],
      ['/nowhere', 404],
      ['/health', 200],
    ] as const) {
      const answer = await call('GET', path);
      expect([path, answer.status]).toEqual([path, status]);
      expect(answer.headers.get('x-powered-by')).toBeNull();
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(answer.headers.get('x-request-id')).toMatch(/^[\w.:-]{1,128}$/);
    }
  });

  it('allows no other origin unless it is configured', async () => {
    const { call } = bound(await startWith('no-cors', {}));
    const answer = await call('GET', PATH, { headers: { origin: 'https://console.example' } });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, null]);
  });

  it('allows the configured origins and no others', async () => {
    const { call } = bound(
      await startWith('cors', { CORS_ALLOWED_ORIGINS: 'https://console.example,https://b.example' }),
    );
    const asked = async (origin: string) => {
      const headers = { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'if-match' };
      return call('OPTIONS', `${PATH}/1`, { token: null, headers });
    };
    const allowed = await asked('https://console.example');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://console.example');
    expect(allowed.headers.get('access-control-allow-methods')).toContain('PUT');
    expect((await asked('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('the rate limit', () => {
  it('counts the requests of one token over all routes, and tells when to come back', async () => {
    const { call } = bound(await startWith('rate', { API_RATE_LIMIT_PER_MIN: '6', TRUSTED_PROXY_HOPS: '1' }));
    const from = (address: string, token: string = TOKENS.admin, path = PATH) =>
      call('GET', path, { token, headers: { 'x-forwarded-for': address } });
    const answers = [];
    for (let i = 0; i < 7; i++) answers.push(await from(`192.0.2.${i}`, TOKENS.admin, i % 2 ? PATH : `${PATH}/1`));
    expect(answers.map(({ status }) => status)).toEqual([404, 200, 404, 200, 404, 200, 429]);
    expect(Number(answers[6]!.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answers[6]!.body).toMatchObject({ type: 'about:blank', statusCode: 429, error: 'Too Many Requests' });
    expect(answers[6]!.headers.get('content-type')).toMatch(/^application\/problem\+json(;|$)/);
    expect((await from('192.0.2.99', TOKENS.colleague)).status).toBe(200);
  });

  it('counts the requests of one address without a valid token, and no health probes', async () => {
    const { call } = bound(await startWith('rate-address', { API_RATE_LIMIT_PER_MIN: '3' }));
    const statuses = [];
    for (const token of ['guess-1', null, 'guess-1', 'guess-2'])
      statuses.push((await call('GET', PATH, { token })).status);
    expect(statuses).toEqual([401, 401, 401, 429]);
    expect((await call('GET', PATH, { token: 'guess-3', headers: { 'x-forwarded-for': '192.0.2.1' } })).status).toBe(
      429,
    );
    for (let i = 0; i < 5; i++) expect((await call('GET', '/health', { token: null })).status).toBe(200);
  });

  it('lets callers with valid tokens share an address, also when others guess tokens there', async () => {
    const { call } = bound(await startWith('rate-shared', { API_RATE_LIMIT_PER_MIN: '4' }));
    const [known, late] = [TOKENS.admin, TOKENS.foreignAdmin];
    const page = async (token: string) => (await call('GET', PATH, { token })).status;
    for (const token of [known, TOKENS.colleague, TOKENS.moderator]) {
      expect([await page(token), await page(token), await page(token)]).toEqual([200, 200, 200]);
    }
    for (let i = 0; i < 4; i++) expect(await page(`guess-${i}`)).toBe(401);
    expect([await page('guess-4'), await page(known), await page(late)]).toEqual([429, 200, 429]);
    expect(await page(known)).toBe(429); // its own limit
  });

  it('has hbf-core asked about no more made-up tokens than it allows, also when they come at once', async () => {
    const { call, platform } = bound(await startWith('rate-guesses', { API_RATE_LIMIT_PER_MIN: '5' }));
    const guesses = Array.from({ length: 50 }, (_, i) => call('GET', PATH, { token: `guess-${i}` }));
    const statuses = (await Promise.all(guesses)).map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array<number>(5).fill(401), ...Array<number>(45).fill(429)]);
    expect(platform.core.server.count('GET /users/me')).toBe(5);
  });
});

describe('the documentation of the API', () => {
  it('is served outside production, under the content security policy that we send', async () => {
    const { call } = bound(await startWith('docs', {}));
    const page = await call('GET', '/api', { token: null });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(page.text.match(/<script(?![^>]*\ssrc=)[^>]*>/g)).toBeNull();
  });

  it('is a document without pages in production', async () => {
    const { call } = bound(await startWith('docs-production', { NODE_ENV: 'production' }));
    for (const path of ['/api', '/api/', '/api/swagger-ui-bundle.js', '/api-yaml']) {
      expect([path, (await call('GET', path, { token: null })).status]).toEqual([path, 404]);
    }
    const { body } = await call<{ paths: object }>('GET', '/api-json', { token: null });
    expect(body.paths).toHaveProperty([PATH.replace('org1', '{orgId}')]);
  });

  it('has its pages in production when they are asked for', async () => {
    const { call } = bound(await startWith('docs-enabled', { NODE_ENV: 'production', SWAGGER_ENABLED: 'true' }));
    expect((await call('GET', '/api', { token: null })).status).toBe(200);
  });
});

function bound(started: IntegrationsFixture) {
  return { call: started.call.bind(started), platform: started.platform };
}
