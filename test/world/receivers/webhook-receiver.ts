import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { accepts, type Behavior } from './behavior.js';

export type { Behavior } from './behavior.js';

/** One POST as it reached the customer. */
export interface Reception {
  /** Stable over retries of one delivery. */
  webhookId: string;
  timestamp: string;
  signature: string | undefined;
  headers: IncomingHttpHeaders;
  method: string;
  path: string;
  /** The body's `id`, kept with and without the body. */
  sessionId: string | undefined;
  /** The parsed JSON; undefined when it was none, or bodies are not kept. */
  body: Record<string, unknown> | undefined;
  raw: string;
  at: number;
  /** Whether the signature fits one of the secrets; undefined without secrets. */
  verified: boolean | undefined;
  /** The status that was answered; undefined as long as there was no answer. */
  status: number | undefined;
}

export type Decide = (reception: Reception, n: number) => Behavior;

export interface ReceiverOptions {
  /** `whsec_…`; a request must be signed with one of them. */
  secrets?: string[];
  /** False: receptions keep no body and no raw text (benchmarks). */
  keepBodies?: boolean;
  port?: number;
}

/**
 * A customer's endpoint: a real HTTP server that checks signatures, keeps what it receives and answers as told. The
 * receivers of `receivers.process.ts` are its fast form, for loads.
 */
export class WebhookReceiver {
  readonly received: Reception[] = [];
  /** The most requests that were under way at once. */
  peak = 0;
  private secrets: Webhook[] = [];
  private decide: Decide = () => ({ kind: 'ok' });
  private listener: (reception: Reception) => void = () => undefined;
  private acceptedListener: (reception: Reception) => void = () => undefined;
  private seen = 0;
  private underWay = 0;
  private readonly server: Server;

  private constructor(private readonly options: ReceiverOptions) {
    this.useSecrets(options.secrets ?? []);
    this.server = createServer((request, response) => void this.receive(request, response));
    this.server.keepAliveTimeout = 60_000;
  }

  static async start(options: ReceiverOptions = {}): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver(options);
    await new Promise<void>((resolve, reject) => {
      receiver.server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  useSecrets(secrets: string[]): void {
    this.secrets = secrets.map((secret) => new Webhook(secret));
  }

  /** From now on every request is met so; a function decides per request (n counts from 1). */
  behave(behavior: Behavior | Decide): void {
    this.decide = typeof behavior === 'function' ? behavior : () => behavior;
  }

  /** Every nth request from now on is met with `behavior`, all others are accepted. */
  failEvery(nth: number, behavior: Behavior = { kind: 'status', status: 503 }): void {
    let count = 0;
    this.decide = () => (++count % nth === 0 ? behavior : { kind: 'ok' });
  }

  /** Called for every request once it was answered or dropped. */
  onReception(listener: (reception: Reception) => void): void {
    this.listener = listener;
  }

  /** Called for every request that will be answered with 2xx, before that. */
  onAccepted(listener: (reception: Reception) => void): void {
    this.acceptedListener = listener;
  }

  /** Those that were answered with 2xx. */
  get accepted(): Reception[] {
    return this.received.filter(({ status }) => status !== undefined && status >= 200 && status < 300);
  }

  /** Receptions whose body is that session. */
  of(sessionId: string): Reception[] {
    return this.received.filter((reception) => reception.sessionId === sessionId);
  }

  get badSignatures(): Reception[] {
    return this.received.filter(({ verified }) => verified === false);
  }

  /** Connections that are open. None, and the sender was killed: everything it had sent has been received. */
  connections(): Promise<number> {
    return promisify(this.server.getConnections.bind(this.server))();
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.peak = Math.max(this.peak, ++this.underWay);
    response.once('close', () => this.underWay--);
    response.on('error', () => undefined);
    const raw = await text(request);
    if (raw === undefined) return; // the sender hung up
    const reception = this.read(request, raw);
    const behavior = this.decide(reception, ++this.seen);
    if (this.options.keepBodies === false) Object.assign(reception, { raw: '', body: undefined });
    this.received.push(reception);
    if (accepts(behavior)) this.acceptedListener(reception);
    await this.act(behavior, reception, response);
    this.listener(reception);
  }

  private read(request: IncomingMessage, raw: string): Reception {
    const header = (name: string) => request.headers[name] as string | undefined;
    const body = parse(raw);
    return {
      webhookId: header('webhook-id') ?? '',
      timestamp: header('webhook-timestamp') ?? '',
      signature: header('webhook-signature'),
      headers: request.headers,
      method: request.method ?? '',
      path: request.url ?? '',
      sessionId: typeof body?.['id'] === 'string' ? body['id'] : undefined,
      body,
      raw,
      at: Date.now(),
      verified: this.verify(raw, request.headers),
      status: undefined,
    };
  }

  private verify(raw: string, headers: IncomingHttpHeaders): boolean | undefined {
    if (this.secrets.length === 0) return undefined;
    return this.secrets.some((webhook) => {
      try {
        webhook.verify(raw, headers as Record<string, string>);
        return true;
      } catch {
        return false;
      }
    });
  }

  private async act(behavior: Behavior, reception: Reception, response: ServerResponse): Promise<void> {
    switch (behavior.kind) {
      case 'hang':
        return;
      case 'reset':
        response.socket?.resetAndDestroy();
        return;
      case 'delay':
        await delay(behavior.ms);
        return this.act(behavior.then ?? { kind: 'ok' }, reception, response);
      case 'drip':
        return drip(behavior, response);
      default:
        if (response.destroyed) return; // the sender did not wait
        reception.status = behavior.status ?? 200;
        response.writeHead(reception.status, behavior.kind === 'status' ? behavior.headers : {});
        response.end(behavior.body ?? '');
    }
  }
}

function drip({ chunk = 'x', everyMs = 50 }: { chunk?: string; everyMs?: number }, response: ServerResponse): void {
  response.writeHead(200);
  const timer = setInterval(() => response.write(chunk), everyMs);
  response.once('close', () => clearInterval(timer));
}

async function text(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(raw: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(raw) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
