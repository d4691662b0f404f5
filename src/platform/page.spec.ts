import { readPage } from './page.js';
import { nonEmptyString, object, ShapeError } from './shape.js';

const readItem = (item: unknown): string => nonEmptyString(object(item, 'item')['id'], 'item.id');

describe('readPage', () => {
  it('reads an envelope', () => {
    const page = readPage({ items: [{ id: 'a' }], total: 7, page: 0, extra: true }, readItem);
    expect(page).toEqual({ items: ['a'], rejected: [], count: 1, total: 7 });
  });

  it('reads a bare array', () => {
    expect(readPage([{ id: 'a' }, { id: 'b' }], readItem)).toEqual({ items: ['a', 'b'], rejected: [], count: 2 });
  });

  it.each([null, undefined, 'text', 5, {}, { items: null }, { items: {} }, { content: [] }])(
    'throws on %j instead of taking it for an empty list',
    (answer) => {
      expect(() => readPage(answer, readItem)).toThrow(ShapeError);
    },
  );

  it.each([-1, '120', null, NaN, {}])('takes a total of %j for absent', (total) => {
    expect(readPage({ items: [{ id: 'a' }], total }, readItem)).toEqual({ items: ['a'], rejected: [], count: 1 });
  });

  it('sets items aside that it cannot read, with their id and without their content', () => {
    const items = [{ id: 'a' }, null, 'secret', { id: 5 }, { id: 'x'.repeat(300), n: 1 }];
    const read = (item: unknown) => {
      if (readItem(item).length > 256) throw new ShapeError('item.id', 'at most 256 characters');
      return item;
    };
    const page = readPage({ items }, read);
    expect(page.items).toEqual([{ id: 'a' }]);
    expect(page.count).toBe(5);
    expect(page.rejected).toEqual([
      { problem: 'item must be an object' },
      { problem: 'item must be an object' },
      { problem: 'item.id must be a non-empty string' },
      { problem: 'item.id must be at most 256 characters' },
    ]);
  });

  it('does not hide an error of its own', () => {
    const broken = () => {
      throw new TypeError('a bug');
    };
    expect(() => readPage([1], broken)).toThrow(TypeError);
  });
});
