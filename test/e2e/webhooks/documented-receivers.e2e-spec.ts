import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { receiverInPage } from '../../../tools/webhook-docs.js';
import { freePort } from '../../support/ports.js';
import { waitFor } from '../../support/wait-for.js';
import type { Reception } from '../../world/receivers/webhook-receiver.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(60_000); // Java compiles its receiver first

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const RECEIVERS = [
  { file: 'receiver.mjs', command: process.execPath },
  { file: 'receiver.py', command: 'python3' },
  { file: 'Receiver.java', command: 'java' },
];

/** A receiver of docs/webhooks.md that runs. It prints a line for each delivery that it works on. */
class Running {
  private output = '';

  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {
    child.stdout!.on('data', (text: Buffer) => (this.output += text.toString()));
  }

  static async start(command: string, file: string): Promise<Running> {
    const folder = await mkdtemp(join(tmpdir(), 'receiver-'));
    await writeFile(join(folder, file), receiverInPage(file));
    const port = await freePort();
    const env = { PATH: process.env['PATH'], WEBHOOK_SECRET: SECRET, PORT: String(port) };
    const child = spawn(command, [join(folder, file)], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    const running = new Running(`http://127.0.0.1:${port}/`, child, folder);
    const answers = () => fetch(running.url, { method: 'POST', body: '{}' }).then(({ status }) => status === 400);
    await waitFor(`${file} to refuse what is not signed`, answers, { timeoutMs: 40_000 });
    return running;
  }

  /** The first word of each line: the webhook id. */
  get ids(): string[] {
    return this.output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' ')[0]!);
  }

  async post({ raw, webhookId, timestamp, signature }: Reception, changes: Record<string, string> = {}) {
    const headers = { 'webhook-id': webhookId, 'webhook-timestamp': timestamp, 'webhook-signature': signature! };
    const answer = await fetch(this.url, { method: 'POST', body: raw, headers: { ...headers, ...changes } });
    return answer.status;
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
    await rm(this.folder, { recursive: true });
  }
}

describe('the receivers of docs/webhooks.md', () => {
  let round: Round;
  let running: Running | undefined;

  beforeAll(async () => {
    round = await Round.start('documented-receivers');
  });

  afterEach(() => running?.stop());
  afterAll(() => round.stop());

  for (const { file, command } of RECEIVERS) {
    // Node is there; where the machine has no Python or Java, theirs are not run
    const test = spawnSync(command, ['--version']).status === 0 ? it : it.skip;

    test(`verify, store once and answer at once: ${file}`, async () => {
      const tenantId = `of-${file}`;
      round.addTenant(tenantId);
      running = await Running.start(command, file);
      await round.addWebhook(tenantId, { url: running.url, signingSecret: SECRET });
      const recorder = await round.addWebhook(tenantId, { signingSecret: SECRET });
      const sessionId = round.addSession(tenantId, 20, { conversation: { language: 'el', liveChat: 'terminated' } });
      await round.check();
      const { deliveries } = (await round.allSettled()).get(sessionId)!;
      expect(deliveries.filter(({ state }) => state !== 'delivered')).toEqual([]);
      await waitFor('the receiver to work on it', () => running!.ids.length === 1);
      expect(running.ids[0]).toContain(sessionId);

      const [other] = recorder.received;
      expect([await running.post(other!), await running.post(other!)]).toEqual([204, 204]);
      await waitFor('the receiver to work on the other', () => running!.ids.length >= 2);
      expect(running.ids.slice(1)).toEqual([other!.webhookId]);

      const two = `v1,${Buffer.alloc(32).toString('base64')} ${other!.signature}`;
      expect(await running.post(other!, { 'webhook-signature': two })).toBe(204);
      const forgeries: Record<string, string>[] = [
        { 'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}` },
        { 'webhook-signature': 'v1,' },
        { 'webhook-id': 'another' },
        { 'webhook-timestamp': String(Number(other!.timestamp) - 3_600) },
      ];
      for (const forged of forgeries) {
        expect([forged, await running.post(other!, forged)]).toEqual([forged, 400]);
      }
      expect(running.ids).toHaveLength(2);
    });
  }
});
