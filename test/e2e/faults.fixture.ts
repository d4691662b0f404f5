import {
  createServer,
  type IncomingMessage,
  request as ask,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, LookupFunction, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Config } from '../../src/config/config.js';
import { WebhookChannel } from '../../src/deliveries/channels/webhook.channel.js';
import { WebhookClient } from '../../src/deliveries/channels/webhook-client.js';
import type { WebhookConnectOptions } from '../../src/deliveries/channels/webhook-client-connector.js';
import { freePort } from '../support/ports.js';
import type { RunningService } from '../support/service-in-process.js';

/** Stands in everything that an endpoint says; must be found nowhere afterwards. */
export const INSIDE = 'PLANTED-inside';

export type Meet = (response: ServerResponse, request: IncomingMessage, body: Buffer) => void;

const MEGABYTE = Buffer.alloc(1024 * 1024, 'x');
/** 100 MB of nothing in 100 KB. */
export const GZIP_BOMB = gzipSync(Buffer.alloc(100 * 1024 * 1024));

/** Bytes in place of an answer. */
export const speak =
  (text: string, then: (socket: Socket) => void = () => undefined): Meet =>
  ({ socket }) =>
    void socket?.write(text, () => then(socket));

export const answer =
  (status: number, headers: Record<string, string | string[]> = {}, body: string | Buffer = INSIDE): Meet =>
  (response) =>
    void response.writeHead(status, headers).end(body);

export const hang: Meet = () => undefined;
export const reset: Meet = ({ socket }) => socket?.resetAndDestroy();
export const close: Meet = ({ socket }) => void socket?.end();

/** Head and a part of the body, then the connection is gone. */
export const breakOff = (status: number): Meet =>
  speak(`HTTP/1.1 ${status} X\r\ncontent-length: 99\r\n\r\n{"items":[`, (socket) => socket.resetAndDestroy());

/** So much at once, then one byte after the other, for ever. */
export const trickle =
  (start: string): Meet =>
  ({ socket }) => {
    socket?.write(start);
    const timer = setInterval(() => socket?.write('x'), 25);
    socket?.once('close', () => clearInterval(timer));
  };

export const slowHead = trickle('HTTP/1.1 200 OK\r\nx-slow: ');
export const slowBody = (status: number): Meet => trickle(`HTTP/1.1 ${status} X\r\ncontent-length: 99999\r\n\r\n`);

/** As fast as it is taken, for ever. */
export const neverEnds =
  (status: number, headers: Record<string, string> = {}): Meet =>
  (response) => {
    response.writeHead(status, headers);
    const more = (): void => void (response.write(MEGABYTE) && !response.destroyed && setImmediate(more));
    response.on('drain', more);
    more();
  };

export const tenMegabytes =
  (status: number): Meet =>
  (response) => {
    response.writeHead(status, { 'content-length': String(10 * MEGABYTE.length) });
    for (let n = 0; n < 10; n++) response.write(MEGABYTE);
    response.end();
  };

/** A server on loopback that reads each request and then does as it is told. */
export class FaultyServer {
  hits = 0;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor(meet: Meet, tls?: { key: string; cert: string }) {
    const listener: RequestListener = (request, response) => {
      this.hits++;
      response.on('error', () => undefined);
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.once('end', () => meet(response, request, Buffer.concat(chunks)));
    };
    this.server = tls ? createTlsServer(tls, listener) : createServer(listener);
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => this.sockets.delete(socket));
    });
  }

  static async start(meet: Meet, at: { host?: string; port?: number; tls?: { key: string; cert: string } } = {}) {
    const created = new FaultyServer(meet, at.tls);
    const port = at.port ?? (await freePort()); // on the other addresses, too
    await new Promise<void>((resolve) => created.server.listen(port, at.host ?? '127.0.0.1', resolve));
    return created;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections that are open at this moment. */
  get open(): number {
    return this.sockets.size;
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.sockets.forEach((socket) => socket.destroy());
    await closed;
  }
}

/** From now on the service's webhooks find hosts and judge certificates so. @returns what closes their connections */
export function connectWebhooksBy(service: RunningService, options: WebhookConnectOptions): () => Promise<void> {
  const client = new WebhookClient(service.get(Config), options);
  Reflect.set(service.get(WebhookChannel), 'client', client);
  return () => client.close();
}

/** A resolver that knows these names, with one answer per look-up; the last one stays. An Error is what it fails with. */
export function resolver(names: Record<string, readonly (string[] | Error)[]>): LookupFunction {
  const asked = new Map<string, number>();
  return (hostname, _options, callback) => {
    const nth = asked.get(hostname) ?? 0;
    asked.set(hostname, nth + 1);
    const answers = names[hostname] ?? [];
    const found = answers[Math.min(nth, answers.length - 1)] ?? failure('ENOTFOUND');
    if (found instanceof Error) return callback(found, '');
    callback(
      null,
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
}

export function failure(code: string): Error {
  return Object.assign(new Error(`getaddrinfo ${code} ${INSIDE}`), { code });
}

/** Stands before one of the siblings and passes requests on, unless it is told to spoil them. */
export class FaultyGate {
  /** Where requests go; known once the platform has started. */
  target = '';
  /** Requests that were spoilt. */
  spoilt = 0;
  private spoiling?: { meet: Meet; fits: (request: IncomingMessage) => boolean; left: number };

  private constructor(readonly server: FaultyServer) {}

  static async start(): Promise<FaultyGate> {
    const server: FaultyServer = await FaultyServer.start((response, request, body) =>
      gate.pass(response, request, body),
    );
    const gate = new FaultyGate(server);
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  /** So many requests from now on are met so; the others pass. */
  spoil(meet: Meet, times = Infinity, fits: (request: IncomingMessage) => boolean = () => true): void {
    this.spoiling = { meet, fits, left: times };
    this.spoilt = 0;
  }

  heal(): void {
    this.spoiling = undefined;
  }

  private pass(response: ServerResponse, request: IncomingMessage, body: Buffer): void {
    const { spoiling } = this;
    if (spoiling && spoiling.left > 0 && spoiling.fits(request)) {
      spoiling.left--;
      this.spoilt++;
      return spoiling.meet(response, request, body);
    }
    const { method, headers, url } = request;
    const onward = ask(`${this.target}${url}`, { method, headers }, (answered) => {
      response.writeHead(answered.statusCode!, answered.headers);
      answered.pipe(response);
    });
    onward.on('error', () => response.destroy()).end(body);
  }
}
