import { CLOSED_LIVE_CHATS, type LiveChatEntry, OPEN_LIVE_CHATS } from '../../world/platform/conversations.js';
import { MINUTE_MS } from '../../support/time-machine.js';
import { Round } from '../fixtures/round.js';

const DAY_MINUTES = 1440;

jest.setTimeout(30_000); // a busy machine must not fail it

describe('a session check over live chats', () => {
  let round: Round;

  beforeEach(async () => {
    round = await Round.start('session-check-live-chats');
    round.addTenant('t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  const entry = (liveChatEventType: string): LiveChatEntry => ({ liveChatEventType, agents: [] });

  it('holds sessions whose live chat is open, and counts them in every check', async () => {
    const held = OPEN_LIVE_CHATS.map((liveChat) => round.addSession('t1', 20, { conversation: { liveChat } }));
    const ended = round.addSession('t1', 20);
    expect(await round.check()).toMatchObject({ held: held.length, found: 1, completed: 1 });
    expect(await round.check()).toMatchObject({ held: held.length, found: 0, completed: 0 });
    expect([...(await round.allSettled()).keys()]).toEqual([ended]);
    for (const id of held) expect(round.core.session(id).status).toBe('ACTIVE');
    expect([...round.core.completed.keys()]).toEqual([ended]);
  });

  it('completes sessions whose live chat is closed or was abandoned', async () => {
    const ended = CLOSED_LIVE_CHATS.map((liveChat) => round.addSession('t1', 20, { conversation: { liveChat } }));
    expect(await round.check()).toMatchObject({ held: 0, completed: ended.length });
    const completions = await round.allSettled();
    for (const id of ended)
      expect(completions.get(id)).toMatchObject({ rule: 'tenant-threshold', completedAt: expect.any(Date) });
  });

  it('holds a session for one open live chat among closed ones', async () => {
    const liveChats = [entry('LIVECHAT_TERMINATED'), entry('LIVECHAT_REQUESTED'), entry('LIVECHAT_ABANDONED')];
    const id = round.addSession('t1', 20, { liveChats });
    expect(await round.check()).toMatchObject({ held: 1, completed: 0 });
    round.core.session(id).liveChats = [entry('LIVECHAT_TERMINATED')];
    expect(await round.check()).toMatchObject({ held: 0, completed: 1 });
  });

  it('takes a live chat with an unknown event for open', async () => {
    round.addSession('t1', 20, { liveChats: [entry('LIVECHAT_TAKEN_OVER_BY_HOLOGRAM')] });
    expect(await round.check()).toMatchObject({ held: 1, completed: 0 });
  });

  it('completes a session with an open live chat that is idle for longer than a live chat may be', async () => {
    const conversation = { liveChat: 'exchanged' as const };
    const forgotten = round.addSession('t1', DAY_MINUTES + 1, { conversation });
    round.addSession('t1', DAY_MINUTES - 1, { conversation });
    expect(await round.check()).toMatchObject({ held: 1, completed: 1 });
    const completions = await round.allSettled();
    expect([...completions.keys()]).toEqual([forgotten]);
    expect(completions.get(forgotten)!.rule).toBe('live-chat-max-idle');
  });

  it.each(['updatedAt', 'lastEndUserMessageAt'])("counts a live chat's idle time from its %s", async (field) => {
    const chat = (idleMinutes: number) => ({
      ...entry('LIVECHAT_MESSAGE_EXCHANGED'),
      [field]: new Date(Date.now() - idleMinutes * MINUTE_MS).toISOString(),
    });
    const idle = round.addSession('t1', 2 * DAY_MINUTES, { liveChats: [chat(DAY_MINUTES + 60)] });
    round.addSession('t1', 2 * DAY_MINUTES, { liveChats: [chat(DAY_MINUTES - 60)] });
    expect(await round.check()).toMatchObject({ held: 1, completed: 1 });
    const completion = (await round.allSettled()).get(idle)!;
    expect(completion.rule).toBe('live-chat-max-idle');
    const lateMs = completion.foundAt.getTime() - completion.lastSignOfLife!.getTime() - DAY_MINUTES * MINUTE_MS;
    expect(Math.round(lateMs / MINUTE_MS)).toBe(60);
  });
});
