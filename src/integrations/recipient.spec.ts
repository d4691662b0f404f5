import { addressOf, withAddress } from './recipient.js';

describe('addressOf', () => {
  it.each([
    ['ada@example.com', 'ada@example.com'],
    ['Ada <ada@example.com>', 'ada@example.com'],
    ['"Lovelace, Ada" <ada+hooks@example.com> ', 'ada+hooks@example.com'],
  ])('%s', (recipient, address) => {
    expect(addressOf(recipient)).toBe(address);
  });
});

describe('withAddress', () => {
  const [plain, named] = withAddress('a.b+c@example.com').$in as [string, RegExp];

  it('finds the address with a name before it, and no other address', () => {
    expect(plain).toBe('a.b+c@example.com');
    expect(named.test('Ada <a.b+c@example.com>')).toBe(true);
    expect(named.test('Ada <aXb+c@example.com>')).toBe(false);
    expect(named.test('Ada <x.a.b+c@example.com>')).toBe(false);
  });
});
