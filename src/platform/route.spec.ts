import { fillRoute } from './route.js';

describe('fillRoute', () => {
  it('puts each value in as one encoded path segment', () => {
    expect(fillRoute('/a/{x}/b/{y}', { x: 'or/g?#%', y: 'é €' })).toBe('/a/or%2Fg%3F%23%25/b/%C3%A9%20%E2%82%AC');
  });

  it('leaves what is no parameter alone', () => {
    expect(fillRoute('/connectors/flows:trigger', {})).toBe('/connectors/flows:trigger');
  });

  it.each(['', '.', '..', '\ud800'])('refuses %p, which would ask for another route', (x) => {
    expect(fillRoute('/a/{x}', { x })).toBeUndefined();
  });

  it('takes dots that are part of a longer segment', () => {
    expect(fillRoute('/a/{x}', { x: '...' })).toBe('/a/...');
  });

  it('refuses a value that is missing', () => {
    expect(fillRoute('/a/{x}', {})).toBeUndefined();
  });
});
