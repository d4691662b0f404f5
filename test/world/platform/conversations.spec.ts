import { CLOSED_LIVE_CHATS, makeConversation, OPEN_LIVE_CHATS } from './conversations.js';

describe('simulated conversations', () => {
  it('are the same for the same seed, and 20 messages long', () => {
    const endedAt = new Date();
    expect(makeConversation({ seed: 5, endedAt })).toEqual(makeConversation({ seed: 5, endedAt }));
    expect(makeConversation({ seed: 6, endedAt })).not.toEqual(makeConversation({ seed: 5, endedAt }));
    expect(makeConversation({ seed: 5 }).messages).toHaveLength(20);
  });

  it.each([...OPEN_LIVE_CHATS, ...CLOSED_LIVE_CHATS])('tell a handover that was %s', (liveChat) => {
    const { messages, liveChats, messageCount } = makeConversation({ seed: 3, liveChat });
    const events = messages.filter(({ category }) => category === 'LIVE_CHAT');
    expect(messages).toHaveLength(20);
    expect(messageCount).toBeLessThan(messages.length);
    expect(liveChats[0]!.liveChatEventType).toBe(events.at(-1)!['liveChatEventType']);
    expect(events.every(({ liveChatSender }) => ['AGENT', 'END_USER'].includes(liveChatSender as string))).toBe(true);
    const agents = events.filter(({ liveChatSender }) => liveChatSender === 'AGENT');
    expect(agents.every(({ subscriberEmail }) => liveChats[0]!.agents.includes(subscriberEmail as string))).toBe(true);
    const byBot = messages.filter(({ subscriberName }) => subscriberName === 'bot');
    expect(byBot.every((message) => message.category === 'COMMON' && !message['subscriberHandle'])).toBe(true);
  });

  it('end when they are told to', () => {
    const endedAt = new Date('2026-02-03T04:05:06Z');
    expect(makeConversation({ endedAt }).messages.at(-1)!.date).toBe(endedAt.getTime());
    expect(makeConversation({ messages: 0, endedAt }).messages).toEqual([]);
  });
});
