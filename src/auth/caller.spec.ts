import { readCurrentUser } from '../platform/core/current-user.dto.js';
import { bearerToken, claimsExpiry, mayAdminister, nameOf } from './caller.js';

const user = (rights: Record<string, unknown>) => readCurrentUser({ id: 'u', ...rights });

describe('mayAdminister', () => {
  it.each<[boolean, Record<string, unknown>]>([
    [false, {}],
    [true, { isModerator: true }],
    [true, { organizationRoles: { org1: ['HBF_ORG_ADMIN'] } }],
    [false, { organizationRoles: { org2: ['HBF_ORG_ADMIN'] } }],
    [false, { organizationRoles: { org1: ['HBF_ORG_EDITOR'] } }],
    [true, { effectiveRoles: { organizationRoles: { org1: ['HBF_ORG_ADMIN'] } } }],
    [false, { organizationRoles: { org1: ['HBF_ORG_ADMIN'] }, effectiveRoles: { organizationRoles: {} } }],
  ])('is %s for %j', (allowed, rights) => {
    expect(mayAdminister(user(rights), 'org1')).toBe(allowed);
  });
});

describe('bearerToken', () => {
  it.each<[string | undefined, string | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['Bearer', undefined],
    ['Basic abc', undefined],
    ['Bearer a b', undefined],
    ['Bearer abc', 'abc'],
    ['bearer  abc ', 'abc'],
  ])('of %j is %j', (header, token) => {
    expect(bearerToken(header)).toBe(token);
  });
});

it('a change is signed with the e-mail, else the id', () => {
  expect([nameOf(user({ email: 'a@b.example' })), nameOf(user({}))]).toEqual(['a@b.example', 'u']);
});

describe('claimsExpiry', () => {
  const jwt = (claims: unknown) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;

  it.each<[boolean, string]>([
    [true, jwt({ exp: 1_000 })],
    [true, jwt({ exp: 999 })],
    [false, jwt({ exp: 1_001 })],
    [false, jwt({ exp: '999' })],
    [false, jwt({})],
    [false, jwt(null)],
    [false, 'opaque'],
    [false, 'a.b.c'],
  ])('is %s for %s', (expired, token) => {
    expect(claimsExpiry(token, 1_000_000)).toBe(expired);
  });
});
