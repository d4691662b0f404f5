import fc from 'fast-check';
import { participantsOf } from './participants.js';

const user = { subscriberHandle: 'dl-1', subscriberName: 'Ada' };
const bot = { subscriberName: 'bot', subscriberHandle: null };
const agent = {
  category: 'LIVE_CHAT',
  liveChatSender: 'AGENT',
  subscriberHandle: 'lcm-7',
  subscriberName: 'Kim Agent',
  subscriberEmail: 'Kim@example.org',
};
const ada = { subscriberHandle: 'dl-1', name: 'Ada', email: null, role: 'END_USER' };
const kim = { subscriberHandle: 'lcm-7', name: 'Kim Agent', email: 'Kim@example.org', role: 'AGENT' };
const theBot = { subscriberHandle: null, name: 'bot', email: null, role: 'BOT' };

describe('participantsOf', () => {
  it('names each party once, in order of first message', () => {
    const fromUser = { ...user, category: 'LIVE_CHAT', liveChatSender: 'END_USER' };
    expect(participantsOf({ messages: [bot, user, agent, fromUser, bot, agent] })).toEqual([theBot, ada, kim]);
  });

  it('adds agents that never wrote, once, whatever the case of their address', () => {
    const liveChats = [{ agents: ['kim@EXAMPLE.org', 'lee@example.org'] }, { agents: ['lee@example.org', null, 7] }];
    const lee = { subscriberHandle: null, name: null, email: 'lee@example.org', role: 'AGENT' };
    expect(participantsOf({ messages: [agent], liveChats })).toEqual([kim, lee]);
  });

  it('knows an agent again by e-mail or by handle', () => {
    const messages = [
      { ...agent, subscriberEmail: null, subscriberName: null },
      agent,
      { ...agent, subscriberHandle: 'lcm-8' },
      { ...agent, subscriberEmail: undefined, subscriberHandle: 'lcm-8' },
    ];
    expect(participantsOf({ messages })).toEqual([kim]);
  });

  it('tells two end users and two agents apart', () => {
    const messages = [
      user,
      { ...user, subscriberHandle: 'dl-2' },
      agent,
      { liveChatSender: 'AGENT', subscriberName: 'Max' },
    ];
    expect(participantsOf({ messages }).map(({ role, name }) => [role, name])).toEqual([
      ['END_USER', 'Ada'],
      ['END_USER', 'Ada'],
      ['AGENT', 'Kim Agent'],
      ['AGENT', 'Max'],
    ]);
  });

  it("takes a message without a handle for the session's own subscriber", () => {
    const messages = [{ message: 'hi' }, { ...user, subscriberEmail: 'ada@example.org' }];
    expect(participantsOf({ subscriberHandle: 'dl-1', messages })).toEqual([{ ...ada, email: 'ada@example.org' }]);
    expect(participantsOf({ messages: [{ message: 'hi' }, {}] })).toEqual([
      { subscriberHandle: null, name: null, email: null, role: 'END_USER' },
    ]);
  });

  it("takes a COMMON message named bot for the bot's, whatever handle it carries", () => {
    const common = { category: 'COMMON', subscriberName: 'bot', subscriberHandle: 'dl-1' };
    expect(participantsOf({ messages: [{ ...user, category: 'COMMON' }, common, bot, common] })).toEqual([
      ada,
      { ...theBot, subscriberHandle: 'dl-1' },
    ]);
  });

  it('takes a person called bot, who has a handle, for a person in a live chat and where no category is told', () => {
    for (const category of ['LIVE_CHAT', undefined]) {
      const message = { category, subscriberName: 'bot', subscriberHandle: 'dl-9' };
      expect(participantsOf({ messages: [message] })).toMatchObject([{ role: 'END_USER', name: 'bot' }]);
    }
  });

  it('is empty without messages and live chats', () => {
    for (const nothing of [undefined, null, [], 'x', [null, 1]]) {
      expect(participantsOf({ messages: nothing, liveChats: nothing })).toEqual([]);
    }
  });

  it('reads nothing from a message of a party that said the same before, however many parties take turns', () => {
    const one = (...values: (string | null | undefined)[]) => fc.constantFrom(...values);
    const message = fc.record({
      subscriberHandle: one('dl-1', 'dl-2', 'lcm-7', null, undefined),
      subscriberName: one('Ada', 'bot', null),
      subscriberEmail: one('Kim@example.org', 'kim@example.org', undefined),
      liveChatSender: one('AGENT', 'agent', 'END_USER', undefined),
      category: one('COMMON', 'LIVE_CHAT', undefined),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
        const texts = messages.map((each) => JSON.stringify(each));
        const firsts = messages.filter((_, at) => texts.indexOf(texts[at]!) === at);
        expect(participantsOf({ messages })).toEqual(participantsOf({ messages: firsts }));
      }),
    );
  });
});
