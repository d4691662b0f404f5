import { CLOSED_LIVE_CHATS, type LiveChatStage, OPEN_LIVE_CHATS } from '../world/platform/conversations.js';
import type { PlatformSimulator } from '../world/platform/platform-simulator.js';
import { Random } from '../support/random.js';
import { destinationsOf, TENANTS } from './customers.js';
import type { Narrator } from './narrator.js';
import type { Tally } from './tally.js';

const PAUSE_MS = 900;
/** A live chat that is open when the conversation goes quiet ends after this long. */
const AGENT_TAKES_MS = 20_000;
const FORGET_EVERY = 100;

/** Lets conversations happen: users write, ask for a person, answer surveys, and go quiet. */
export class Feed {
  private readonly random = new Random(2026);
  private count = 0;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly platform: PlatformSimulator,
    private readonly tally: Tally,
    private readonly narrator: Narrator,
  ) {}

  /** So many at once; those with a live chat open stay so. */
  pour(conversations: number): void {
    for (let index = 0; index < conversations; index++) this.converse();
  }

  /** One after the other until stopped; agents end their live chats after a while. */
  start(): void {
    this.timer = setInterval(() => {
      const { id, held } = this.converse();
      if (held) setTimeout(() => this.endLiveChat(id), AGENT_TAKES_MS).unref();
      if (this.count % FORGET_EVERY === 0) this.forget();
    }, PAUSE_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private converse(): { id: string; held: boolean } {
    const { core } = this.platform;
    const seed = ++this.count;
    const tenantId = TENANTS[seed % TENANTS.length]!.id;
    const liveChat = this.handover(seed);
    const silent = seed % 13 === 0; // greeted, and never said a word
    const session = core.addSession({
      tenantId,
      lastInteraction: new Date(Date.now() - this.random.integer(0, 1_500)),
      conversation: {
        seed,
        ...(liveChat && !silent ? { liveChat } : {}),
        csat: seed % 4 === 0,
        messages: silent ? 1 : 20,
      },
    });
    const handle = session.rest['subscriberHandle'] as string;
    core.addContact({ tenantId, handle });
    const destinations = destinationsOf(tenantId, session.rest['containsUserInteraction'] === true);
    for (let survey = 0; survey < (seed % 6 === 0 ? 2 : seed % 3 === 0 ? 1 : 0); survey++) {
      destinations.push(`survey:${core.addSurvey({ sessionId: session.id })['id'] as string}`);
    }
    const held = !silent && liveChat !== undefined && OPEN_LIVE_CHATS.includes(liveChat);
    this.tally.add(session.id, destinations, held);
    this.narrator.conversation(session, held);
    return { id: session.id, held };
  }

  private handover(seed: number): LiveChatStage | undefined {
    if (seed % 5 === 2) return this.random.pick(CLOSED_LIVE_CHATS);
    return seed % 8 === 3 ? this.random.pick(OPEN_LIVE_CHATS) : undefined;
  }

  private endLiveChat(sessionId: string): void {
    const session = this.platform.core.session(sessionId);
    this.tally.release(sessionId);
    for (const entry of session.liveChats) entry.liveChatEventType = 'LIVECHAT_TERMINATED';
    this.narrator.liveChatEnded(session);
  }

  private forget(): void {
    for (const sessionId of this.tally.forgetFinished()) this.platform.core.removeSession(sessionId);
  }
}
