import { ShapeError } from '../shape.js';
import { readTenantUsages } from './tenant-usage.dto.js';

describe('readTenantUsages', () => {
  const understood = { tenantId: 't1', sessions: 5, userMessages: 7 };

  it.each([
    ['a bare array', [{ tenantId: 't1', numOfSessions: 5, numOfUserMessages: 7 }]],
    ['a page', { items: [{ tenantId: 't1', numOfSessions: 5, numOfUserMessages: 7 }], total: 1 }],
    ['the id of a tenant inside', [{ id: 'u1', tenant: { id: 't1' }, sessionCount: 5, userMessageCount: 7 }]],
    ['an id of its own', [{ id: 't1', totalSessions: 5, totalUserMessages: 7, maxNumOfSessions: 3 }]],
    ["the names of the platform's SDK", [{ tenantId: 't1', totalChatSessions: 5, totalMessages: 7 }]],
    ["the users' messages before all messages", [{ tenantId: 't1', sessions: 5, userMessages: 7, totalMessages: 90 }]],
    ['counts in an object', [{ tenantId: 't1', usage: { sessions: 5, userMessages: 7 } }]],
  ])('understands %s', (_, answer) => {
    expect(readTenantUsages(answer)).toEqual({ items: [understood], problems: [] });
  });

  it('knows a tenant of which only one count is told', () => {
    expect(readTenantUsages([{ tenantId: 't1', numOfSessions: 0, numOfUserMessages: null }]).items).toEqual([
      { tenantId: 't1', sessions: 0, userMessages: undefined },
    ]);
  });

  it('knows an empty list', () => {
    expect(readTenantUsages([])).toEqual({ items: [], problems: [] });
  });

  it.each([
    ['nothing', undefined],
    ['a text', 'usage'],
    ['an object without a list', { t1: { numOfSessions: 5 } }],
    ['entries without a tenant', [{ numOfSessions: 5 }]],
    ['entries without a known count', [{ tenantId: 't1', count: 5 }]],
    ['counts that are texts', [{ tenantId: 't1', numOfSessions: '5' }]],
    ['a negative count', [{ tenantId: 't1', numOfSessions: -1 }]],
    ['two names that say different things', [{ tenantId: 't1', numOfSessions: 5, sessions: 6 }]],
    ['two entries for the one tenant', [{ tenantId: 't1', numOfSessions: 5 }, { tenantId: 't1', numOfSessions: 6 }]], // prettier-ignore
  ])('does not understand %s', (_, answer) => {
    expect(() => readTenantUsages(answer)).toThrow(ShapeError);
  });

  it('leaves out single entries that it does not understand, and repeats no value', () => {
    const { items, problems } = readTenantUsages([
      { tenantId: 't1', numOfSessions: 5, numOfUserMessages: 7 },
      { tenantId: 't2', numOfSessions: 'SECRET' },
      { tenantId: 't3', numOfSessions: 1 },
      { tenantId: 't3', numOfSessions: 1 },
    ]);
    expect(items).toEqual([understood]);
    expect(problems).toEqual(['usage[].numOfSessions must be a number', 'usage[] must be one entry for each tenant']);
  });
});
