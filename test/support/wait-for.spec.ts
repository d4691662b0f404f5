import { waitFor } from './wait-for.js';

describe('waitFor', () => {
  it('gives back the first truthy value', async () => {
    let calls = 0;
    expect(await waitFor('three', () => (++calls === 3 ? calls : 0), { intervalMs: 1 })).toBe(3);
  });

  it('says what it waited for and what it saw last', async () => {
    await expect(waitFor('rain', () => null, { timeoutMs: 5, intervalMs: 1 })).rejects.toThrow(
      'waited 5 ms for rain; at the end it was null',
    );
    const failing = () => Promise.reject(new Error('no sky'));
    await expect(waitFor('rain', failing, { timeoutMs: 5, intervalMs: 1 })).rejects.toThrow('no sky');
  });
});
