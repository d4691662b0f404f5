import { Books } from './books.js';

describe("the sandbox's books", () => {
  let books: Books;

  beforeEach(() => {
    books = new Books();
    books.open('s1', ['flow', 'webhook:1'], false);
  });

  it('balance when each destination heard once', () => {
    books.completed('s1');
    books.heard('s1', 'flow');
    expect(books.problems()).toEqual(['s1 was heard of 0 times by webhook:1']);
    books.heard('s1', 'webhook:1');
    expect(books.problems()).toEqual([]);
    expect(books.totals()).toMatchObject({ sessions: 1, completed: 1, held: 0, flows: 1, webhooks: 1 });
    expect(books.forgetSettled()).toEqual(['s1']);
  });

  it('do not when one heard twice, or one that had no right to', () => {
    books.completed('s1');
    for (const destination of ['flow', 'flow', 'webhook:1', 'webhook:9']) books.heard('s1', destination);
    expect(books.problems()).toEqual([
      's1 was heard of 2 times by flow',
      's1 was heard of by webhook:9, to whom it was not owed',
    ]);
    expect(books.forgetSettled()).toEqual([]);
  });

  it('do not when a held session was completed, and do when it was left alone', () => {
    const held = new Books();
    held.open('s2', ['flow'], true);
    expect(held.problems()).toEqual([]);
    expect(held.totals().held).toBe(1);
    held.completed('s2');
    expect(held.problems()).toEqual(['s2 was completed with a live chat open']);
  });

  it('expect a released session like any other', () => {
    const held = new Books();
    held.open('s2', ['flow'], true);
    held.release('s2');
    expect(held.problems()).toEqual(['s2 was completed 0 times', 's2 was heard of 0 times by flow']);
  });
});
