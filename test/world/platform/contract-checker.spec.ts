import { checkRequest, RouteTable } from './contract-checker.js';
import { CONTRACTS } from './contracts.js';

const routes = new RouteTable(CONTRACTS['hbf-core']);

function problemsOf(
  method: string,
  path: string,
  query = '',
  rawBody = '',
  contentType = 'application/json',
): string[] {
  const matched = routes.match(method, path);
  if (!matched) return ['unknown route'];
  return checkRequest(matched.contract, { method, path, query: new URLSearchParams(query), contentType, rawBody })
    .problems;
}

describe('the contract checker', () => {
  it('prefers a fixed path to one with names in it, and decodes what the names stand for', () => {
    expect(routes.match('GET', '/tenants/usage')?.route).toBe('GET /tenants/usage');
    expect(routes.match('GET', '/chat-sessions/a%2Fb')?.params).toEqual({ id: 'a/b' });
    expect(routes.match('PATCH', '/chat-sessions/batch/complete')?.route).toBe('PATCH /chat-sessions/batch/complete');
  });

  it.each([
    ['GET', '/chat-session'],
    ['GET', '/chat-sessions/'],
    ['GET', '/chat-sessions/%zz'],
    ['DELETE', '/tenants/t1'],
    ['GET', '/surveys'],
  ])('does not know %s %s', (method, path) => {
    expect(problemsOf(method, path)).toEqual(['unknown route']);
  });

  it('takes a listing as the service asks it', () => {
    const query =
      'status=ACTIVE&tenantId=t1&lastInteractionLessThan=2026-01-02T03:04:05.678Z&includeMessages=true&page=0';
    expect(problemsOf('GET', '/chat-sessions', query)).toEqual([]);
  });

  it.each([
    ['/tenants', 'page=0', 'pageSize is required'],
    ['/tenants', 'page=-1&pageSize=10', 'page must be a whole number from 0'],
    ['/tenants', 'page=0&pageSize=10&includePipelines=true', 'unknown parameter includePipelines'],
    ['/chat-sessions', 'sort=lastInteraction', 'unknown parameter sort'],
    ['/chat-sessions', 'includeTenant=1', 'includeTenant must be true or false'],
    ['/chat-sessions', 'status=active', 'status must be one of ACTIVE, COMPLETED'],
    [
      '/chat-sessions',
      'lastInteractionLessThan=1700000000000',
      'lastInteractionLessThan must be an RFC 3339 date-time',
    ],
    ['/chat-sessions', 'tenantId=a&tenantId=b', 'tenantId is given 2 times'],
    ['/nlp-pipelines', '', 'status is required'],
  ])('refuses GET %s?%s', (path, query, problem) => {
    expect(problemsOf('GET', path, query)).toEqual([problem]);
  });

  it('holds bodies to their form', () => {
    const patch = (body: string, type?: string) => problemsOf('PATCH', '/chat-sessions/batch/complete', '', body, type);
    expect(patch('{"ids":["a","b"]}')).toEqual([]);
    expect(patch('{"ids":[]}')).toEqual(['the body must be {ids} with at least one id']);
    expect(patch('{"ids":["a","a"]}')).toEqual(['the body must be {ids} without repetition']);
    expect(patch('{"ids":["a"],"status":"X"}')).toHaveLength(1);
    expect(patch('nonsense')).toHaveLength(1);
    expect(patch('{"ids":["a"]}', 'text/plain')).toEqual(['the body must be application/json']);
    expect(problemsOf('GET', '/users/me', '', '{}')).toEqual(['no body is expected']);
    expect(problemsOf('PATCH', '/tenants/t', '', '{"disabled":true,"settings":{}}')).toHaveLength(1);
  });
});
