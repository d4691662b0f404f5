import { Webhook } from 'standardwebhooks';
import { waitFor } from '../../support/wait-for.js';
import { WebhookReceiver } from './webhook-receiver.js';

const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(24, 2).toString('base64')}`;

describe('a customer endpoint', () => {
  let receiver: WebhookReceiver;

  beforeEach(async () => (receiver = await WebhookReceiver.start({ secrets: [SECRET] })));
  afterEach(() => receiver.stop());

  const post = (id: string, secret = SECRET, signal?: AbortSignal) => {
    const body = JSON.stringify({ id });
    const now = new Date();
    const headers = {
      'webhook-id': `msg_${id}`,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign(`msg_${id}`, now, body),
    };
    return fetch(receiver.url, { method: 'POST', body, headers, signal: signal ?? null });
  };

  it('keeps what it hears and checks the signature', async () => {
    await post('a');
    await post('b', OTHER);
    expect(receiver.of('a')).toMatchObject([{ webhookId: 'msg_a', verified: true, status: 200, raw: '{"id":"a"}' }]);
    expect(receiver.badSignatures.map(({ webhookId }) => webhookId)).toEqual(['msg_b']);
  });

  it('fails every nth, as told', async () => {
    receiver.failEvery(2, { kind: 'status', status: 429, headers: { 'retry-after': '7' } });
    const answers = [await post('a'), await post('b'), await post('c')];
    expect(answers.map(({ status }) => status)).toEqual([200, 429, 200]);
    expect(answers[1]!.headers.get('retry-after')).toBe('7');
    expect(receiver.accepted).toHaveLength(2);
  });

  it('hangs, resets and decides per request', async () => {
    receiver.behave((_reception, n) => (n === 1 ? { kind: 'reset' } : n === 2 ? { kind: 'hang' } : { kind: 'ok' }));
    await expect(post('a')).rejects.toThrow();
    const patience = new AbortController();
    const hanging = post('b', SECRET, patience.signal);
    await waitFor('the second request', () => receiver.received.length === 2);
    expect((await post('c')).status).toBe(200);
    patience.abort();
    await expect(hanging).rejects.toThrow();
    expect(receiver.received.map(({ status }) => status)).toEqual([undefined, undefined, 200]);
  });
});
