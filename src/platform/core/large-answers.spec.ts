import { Test, type TestingModule } from '@nestjs/testing';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Config } from '../../config/config.js';
import { ConfigModule } from '../../config/config.module.js';
import { MemoryBudget } from '../memory-budget.js';
import { isNoRoom, isTooMuch, PlatformError } from '../platform-error.js';
import { MAX_LIST_BYTES } from '../platform-http.js';
import { PlatformModule } from '../platform.module.js';
import { CoreClient } from './core.client.js';
import type { ActiveSessionsQuery } from './session-queries.js';

const MB = 1024 * 1024;
const QUERY: ActiveSessionsQuery = {
  tenantId: 't1',
  lastInteractionBefore: new Date(0),
  page: 0,
  pageSize: 10,
  includeMessages: true,
};

/** A session with `extra` in it, as text. */
const session = (extra: string) => `{"id":"s1","lastInteraction":"2026-01-01T00:00:00Z","extra":${extra}}`;
const pageOf = (...sessions: string[]) => `{"items":[${sessions.join()}],"total":${sessions.length}}`;
const EMPTY_OBJECTS = `[${'{},'.repeat(5_000_000)}1]`;
const DEEP = '['.repeat(20_000) + ']'.repeat(20_000);

describe('CoreClient, with large answers', () => {
  let server: Server;
  let platform: TestingModule;
  let core: CoreClient;
  let budget: MemoryBudget;
  let answer: string;
  let asked: number;

  beforeEach(async () => {
    asked = 0;
    server = createServer((_, response) => {
      asked++;
      response.end(answer);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const env = { CORE_URL: url, EVENT_PUBLISHER_URL: url, NLP_URL: url, CORE_TOKEN: 'core-token' };
    const config = Config.fromEnvironment({ ...env, SESSION_MEMORY_BUDGET_MB: '16' });
    platform = await Test.createTestingModule({ imports: [ConfigModule.for(config), PlatformModule] }).compile();
    core = platform.get(CoreClient);
    budget = platform.get(MemoryBudget);
  });

  afterEach(async () => {
    await platform.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const failureOf = async (call: Promise<unknown>): Promise<PlatformError> => {
    const error: unknown = await call.then(() => undefined).catch((reason: unknown) => reason);
    if (!(error instanceof PlatformError)) throw new Error('no PlatformError');
    return error;
  };

  it.each([
    ['5,000,000 empty objects in 15 MB', EMPTY_OBJECTS, 'too_costly'],
    ['nesting of 20,000', DEEP, 'too_deep'],
    ['more than 64 MB', `"${'x'.repeat(MAX_LIST_BYTES)}"`, 'too_long'],
  ])('never parses %s, says why, and does not ask again', async (_what, extra, code) => {
    const parse = jest.spyOn(JSON, 'parse');
    answer = session(extra);
    const single = await failureOf(core.getSession('s1', { includeMessages: true, tenantId: 't1' }));
    answer = pageOf(session('1'), session(extra));
    const page = await failureOf(core.listActiveSessions(QUERY));
    expect(parse.mock.calls.filter(([text]) => text.length > 1_000)).toEqual([]); // undici parses its options
    parse.mockRestore();
    for (const error of [single, page]) {
      expect([error.kind, error.code, isTooMuch(error), isNoRoom(error)]).toEqual(['shape', code, true, false]);
      expect(error.cause).toMatchObject({ message: expect.stringMatching(/^answer must be .*\d/) as unknown });
    }
    expect(asked).toBe(2);
  });

  it('tells an answer of another shape from one that is too much', async () => {
    answer = pageOf('1').replace('items', 'things');
    const error = await failureOf(core.listActiveSessions(QUERY));
    expect([error.kind, isTooMuch(error)]).toEqual(['shape', false]);
  });

  it('tells how much a page was', async () => {
    answer = pageOf(session('{}'), session('[1]'));
    const { size, items } = await core.listActiveSessions(QUERY);
    expect(size!.bytes).toBe(answer.length);
    expect(size!.neededBytes).toBeGreaterThan(2 * answer.length);
    expect(items.map(({ answerBytes }) => answerBytes)).toEqual([answer.length, answer.length]);
  });

  it('grows the reservation to what reading and parsing take, and leaves releasing it to the caller', async () => {
    answer = pageOf(session(`"${'x'.repeat(3 * MB)}"`));
    const room = await budget.reserve(1);
    const { size } = await core.listActiveSessions(QUERY, room);
    expect([room.bytes, budget.reserved]).toEqual([size!.neededBytes, size!.neededBytes]);
    room.release();
    expect(budget.reserved).toBe(0);
  });

  it('gives up, without a second try, what does not fit the budget, and reads it alone', async () => {
    answer = session(`"${'x'.repeat(10 * MB)}"`);
    const room = await budget.reserve(1);
    const error = await failureOf(core.getSession('s1', { includeMessages: true, tenantId: 't1' }, room));
    expect([error.kind, error.code, isNoRoom(error), isTooMuch(error)]).toEqual(['no-room', 'no_room', true, false]);
    expect(asked).toBe(1);
    room.release();
    const alone = await budget.reserveAlone();
    expect((await core.getSession('s1', { includeMessages: true, tenantId: 't1' }, alone))?.answerBytes).toBe(
      answer.length,
    );
    expect(alone.bytes).toBeGreaterThan(20 * MB);
  });
});
