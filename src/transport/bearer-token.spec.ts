import { format, inspect } from 'node:util';
import { BearerToken } from './bearer-token.js';

describe('BearerToken', () => {
  const token = new BearerToken('planted-token');

  it('gives the header, and shows nothing in any other way', () => {
    expect(token.authorization()).toBe('Bearer planted-token');
    const ways = [
      inspect(token, { depth: 20, showHidden: true, getters: true }),
      format('%s %o %O %j', token, token, token, token),
      JSON.stringify({ token, ...token }),
      inspect(Object.getOwnPropertyDescriptors(token)),
      inspect(structuredClone(token)),
    ];
    expect(ways.join('\n')).not.toContain('planted');
  });

  it.each(['', 'a b', 'a\r\nx: y', 'é', '\u0000'])('knows that no header can hold %j', (value) => {
    expect(new BearerToken(value).isSendable).toBe(false);
  });
});
