import { ViolationsException } from '../http/violations.js';
import { entityTag, wantedVersion } from './if-match.decorator.js';

describe('wantedVersion', () => {
  it('reads what entityTag wrote, weakened too', () => {
    expect(wantedVersion(entityTag(12))).toBe(12);
    expect(wantedVersion(` W/${entityTag(12)} `)).toBe(12);
  });

  it('is any version without the header, or for *', () => {
    expect([wantedVersion(undefined), wantedVersion('*')]).toEqual([undefined, undefined]);
  });

  it.each(['', '12', '"a"', '"1", "2"', '"1', '"99999999999999999999"'])('refuses %j', (ifMatch) => {
    expect(() => wantedVersion(ifMatch)).toThrow(ViolationsException);
  });

  it.each([
    ['3', 'must have the version in double quotes: type If-Match: "3"'],
    ["'3'", 'must have the version in double quotes: type If-Match: "3"'],
    ['W/3', 'must have the version in double quotes: type If-Match: "3"'],
    ['"a"', 'must be the ETag of this integration, quotes included, such as "3", or * for any version'],
    ['"1", "2"', 'must be the ETag of this integration, quotes included, such as "3", or * for any version'],
  ])('tells for %j what to type', (ifMatch, message) => {
    const violations = [{ field: 'if-match', message }];
    expect(() => wantedVersion(ifMatch)).toThrow(expect.objectContaining({ violations }) as Error);
  });
});
