import { readChatSession } from './chat-session.dto.js';

const TEXT = '2026-11-20T12:00:00Z';
const DATE = new Date(TEXT);

describe("a live chat's signs of life", () => {
  const read = (liveChat: object) =>
    readChatSession({ id: 's1', lastInteraction: TEXT, liveChats: [{ liveChatEventType: 'livechat_x', ...liveChat }] })
      .liveChats[0];

  it.each(['updatedAt', 'lastEndUserMessageAt'])('may be told as a date-time or as epoch milliseconds: %s', (field) => {
    const expected = { liveChatEventType: 'LIVECHAT_X', [field]: DATE };
    expect(read({ [field]: TEXT })).toEqual(expected);
    expect(read({ [field]: DATE.getTime() })).toEqual(expected);
  });

  it.each([undefined, null, 'yesterday', '', NaN, {}, [], true, 9e15])('are absent where they are %p', (value) => {
    const liveChat = read({ updatedAt: value, lastEndUserMessageAt: value });
    expect(liveChat).toEqual({ liveChatEventType: 'LIVECHAT_X' });
  });
});
