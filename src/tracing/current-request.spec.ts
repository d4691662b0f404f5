import { setImmediate as nextTurn } from 'node:timers/promises';
import { currentRequestId, onBehalfOf } from './current-request.js';

describe('onBehalfOf', () => {
  const ends: (() => void)[] = [];
  const whenOver = (end: () => void) => void ends.push(end);

  afterEach(() => ends.splice(0).forEach((end) => end()));

  async function idLater(): Promise<string | undefined> {
    await nextTurn();
    return currentRequestId();
  }

  it('tells requests that are answered side by side apart', async () => {
    const ids = Promise.all(['one', 'two'].map((id) => onBehalfOf(id, idLater, whenOver)));
    expect(currentRequestId()).toBeUndefined();
    ends[0]!();
    ends[0]!(); // a response may say twice that it is over
    expect(await ids).toEqual(['one', 'two']);
  });

  it('forgets every id once no request is left, and knows the next one', async () => {
    const late = onBehalfOf('one', idLater, whenOver);
    ends.forEach((end) => end());
    expect(await late).toBeUndefined();
    expect(await onBehalfOf('two', idLater, whenOver)).toBe('two');
  });
});
