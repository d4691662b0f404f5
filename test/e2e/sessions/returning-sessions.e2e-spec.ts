import type { WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import { MINUTE_MS } from '../../support/time-machine.js';
import { Round } from '../fixtures/round.js';

const PATCH = 'PATCH /chat-sessions/batch/complete';

jest.setTimeout(30_000); // a busy machine must not fail it

describe('a session that is ACTIVE again after its completion', () => {
  let round: Round;
  let receiver: WebhookReceiver;
  let id: string;

  beforeEach(async () => {
    round = await Round.start('session-check-returns');
    round.addTenant('t1');
    receiver = await round.addWebhook('t1');
    id = round.addSession('t1', 40);
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE_MS);

  async function roundTrip() {
    const figures = await round.check();
    return { figures, completions: await round.allSettled() };
  }

  it('is completed again in hbf-core and sends nothing, when nobody wrote', async () => {
    await roundTrip();
    round.core.reactivate(id);
    const { figures, completions } = await roundTrip();
    expect(figures).toMatchObject({ repeated: 1, completed: 0, refused: 0 });
    expect(round.core.session(id).status).toBe('COMPLETED');
    expect(round.core.completed.get(id)!.count).toBe(2);
    expect([...completions.keys()]).toEqual([id]);
    expect(receiver.received).toHaveLength(1);
    expect(round.platform.publisher.triggersOf(id)).toHaveLength(1);
  });

  it('does not keep a check from ending, nor other sessions from being completed, when it stays ACTIVE', async () => {
    round.core.makeStubborn(id);
    await roundTrip();
    const other = round.addSession('t1', 20);
    const { figures, completions } = await roundTrip();
    expect(figures).toMatchObject({ repeated: 1, completed: 1 });
    expect([...completions.keys()].sort()).toEqual([id, other].sort());
    expect(receiver.of(id)).toHaveLength(1);
    expect(receiver.of(other)).toHaveLength(1);
  });

  it('is sent as a new revision, under another id, when the user wrote again', async () => {
    await roundTrip();
    round.core.touch(id, ago(15));
    const { figures, completions } = await roundTrip();
    expect(figures).toMatchObject({ completed: 1, repeated: 0 });
    expect([...completions.keys()].sort()).toEqual([id, `${id}:2`]);
    expect(completions.get(`${id}:2`)).toMatchObject({ sessionId: id, revision: 2, open: false });
    const [first, second] = receiver.of(id);
    expect(receiver.received).toHaveLength(2);
    expect(first!.webhookId).not.toBe(second!.webhookId);
    expect([first, second].map((sent) => sent!.body!['webhook'])).toEqual([
      { schema: 'chat-session.completed/1', revision: 1 },
      { schema: 'chat-session.completed/1', revision: 2 },
    ]);
    expect((second!.body!['messages'] as object[]).length).toBe((first!.body!['messages'] as object[]).length + 1);
    const triggers = round.platform.publisher.triggersOf(id);
    expect(triggers.map(({ body }) => Object.keys(body!).includes('webhook'))).toEqual([false, false]);
  });

  it('counts its revisions on when it is reactivated and written to in turn', async () => {
    await roundTrip();
    for (const minutes of [30, 20]) {
      round.core.reactivate(id);
      expect((await roundTrip()).figures).toMatchObject({ repeated: 1, completed: 0 });
      round.core.touch(id, ago(minutes));
      expect((await roundTrip()).figures).toMatchObject({ repeated: 0, completed: 1 });
    }
    expect([...(await round.all()).keys()].sort()).toEqual([id, `${id}:2`, `${id}:3`]);
    expect(new Set(receiver.received.map(({ webhookId }) => webhookId)).size).toBe(3);
    expect(receiver.received).toHaveLength(3);
  });

  it('is completed although its user wrote between list and PATCH; what he writes later is a new revision', async () => {
    const other = round.addSession('t1', 20);
    const unhook = round.core.server.onBefore(PATCH, () => round.core.touch(id, ago(12)));
    const { figures, completions } = await roundTrip();
    unhook();
    expect(figures).toMatchObject({ completed: 2, repeated: 0 });
    expect([...completions.keys()].sort()).toEqual([id, other].sort());
    expect(receiver.received).toHaveLength(2);

    round.core.touch(id, ago(11));
    expect((await roundTrip()).figures).toMatchObject({ completed: 1 });
    expect(receiver.of(id).map(({ body }) => body!['webhook'])).toMatchObject([{ revision: 1 }, { revision: 2 }]);
    const [first, second] = receiver.of(id).map(({ body }) => (body!['messages'] as object[]).length);
    expect(second).toBe(first! + 2);
  });

  it('is left alone when hbf-core kept it ACTIVE because the user had just written', async () => {
    const obey = round.core.makeStubborn(id);
    const unhook = round.core.server.onBefore(PATCH, () => round.core.touch(id));
    await roundTrip();
    unhook();
    obey();
    expect((await roundTrip()).figures).toMatchObject({ found: 0, completed: 0, repeated: 0 });
    expect(round.core.session(id).status).toBe('ACTIVE');
    expect(round.core.completed.get(id)!.count).toBe(1);
    expect(receiver.received).toHaveLength(1);
  });
});
