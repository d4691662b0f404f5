import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What reached an endpoint, without the body. */
export interface Digest {
  path: string;
  /** The body's `id`. */
  sessionId: string;
  bytes: number;
  /** Of the body, hex. */
  sha256: string;
  /** Whether the signature fits; undefined where none belongs: without a webhook id, or without a signing secret. */
  verified: boolean | undefined;
  at: number;
}

/** How requests are met: 200, so many milliseconds after the head has come; the body is read only then. */
export type Slowness = (request: { path: string }) => number;

export interface DigestReceiverOptions {
  /** `whsec_…` */
  signingSecret?: string;
}

/** In which the session's id stands. */
const HEAD_BYTES = 256;
const ID = /"id":"([^"]+)"/;

/** An endpoint for bodies of many megabytes: it keeps their length and their hash, and never a whole one. */
export class DigestReceiver {
  /** In the order in which they had come whole. */
  readonly received: Digest[] = [];
  private slowness: Slowness = () => 0;
  private readonly key: Buffer | undefined;
  private readonly server: Server;

  private constructor({ signingSecret }: DigestReceiverOptions) {
    this.key = signingSecret === undefined ? undefined : Buffer.from(signingSecret.replace('whsec_', ''), 'base64');
    this.server = createServer((request, response) => void this.receive(request, response));
    this.server.keepAliveTimeout = 60_000;
  }

  static async start(options: DigestReceiverOptions = {}): Promise<DigestReceiver> {
    const receiver = new DigestReceiver(options);
    await new Promise<void>((resolve, reject) => {
      receiver.server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** From now on requests are met so late. */
  slowDown(slowness: Slowness): void {
    this.slowness = slowness;
  }

  /** What reached the customers' endpoints, all but hbf-event-publisher's. */
  ofWebhooks(): Digest[] {
    return this.received.filter(({ path }) => path.startsWith('/hook/'));
  }

  of(sessionId: string): Digest[] {
    return this.received.filter((digest) => digest.sessionId === sessionId);
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    const path = request.url ?? '';
    const ms = this.slowness({ path });
    if (ms > 0) await delay(ms);
    const read = await this.read(request).catch(() => undefined);
    if (!read) return; // the sender hung up
    this.received.push({ path, ...read, at: Date.now() });
    response.end();
  }

  private async read(request: IncomingMessage): Promise<Omit<Digest, 'path' | 'at'>> {
    const hash = createHash('sha256');
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signed } = request.headers;
    const signature = this.key && id !== undefined ? createHmac('sha256', this.key) : undefined;
    signature?.update(`${String(id)}.${String(timestamp)}.`);
    let bytes = 0;
    let head = '';
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (head.length < HEAD_BYTES) head += chunk.toString('latin1', 0, HEAD_BYTES);
      bytes += chunk.length;
      hash.update(chunk);
      signature?.update(chunk);
    }
    const verified = signature && signed === `v1,${signature.digest('base64')}`;
    return { sessionId: ID.exec(head)?.[1] ?? '', bytes, sha256: hash.digest('hex'), verified };
  }
}
