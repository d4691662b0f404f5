import { createServer, type AddressInfo, type Socket } from 'node:net';
import { preciseNow } from '../../support/figures.js';

/** A request as a receiver sees it: enough to tell what it is about. */
export interface LightRequest {
  url: string;
  /** Request line and headers, as they came. */
  head: string;
  /** The first bytes of the body. */
  begin: Buffer;
  bodyBytes: number;
  /** Epoch milliseconds. */
  firstByteAt: number;
}

/** Ends the exchange: with a status and no body, or by cutting the connection. */
export interface LightResponse {
  answer(status: number): void;
  cut(): void;
}

const END_OF_HEAD = '\r\n\r\n';
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;
/** As many headers as node:http would send. */
const HEADERS = [
  'content-length: 0',
  'connection: keep-alive',
  'keep-alive: timeout=60',
  `date: ${new Date().toUTCString()}`,
].join('\r\n');

export interface LightServer {
  url: string;
  /** Cuts the connections that are open. */
  close(): void;
}

/**
 * Serves HTTP/1.1 with bodies whose Content-Length is given, on a port of its own, over plain sockets. node:http takes
 * three times as long for a request, on the core that the receivers share with the engine and with hbf-core: it would be
 * what is measured.
 */
export async function listenLightly(
  receive: (request: LightRequest, response: LightResponse) => void,
): Promise<LightServer> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = new Connection(socket, receive);
    sockets.add(socket);
    socket.on('data', (chunk) => connection.read(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

class Connection implements LightResponse {
  /** Of a head that has not come whole. */
  private unread: Buffer | undefined;
  private request: LightRequest | undefined;
  /** Bytes of the body that have not come. */
  private missing = 0;

  constructor(
    private readonly socket: Socket,
    private readonly receive: (request: LightRequest, response: LightResponse) => void,
  ) {}

  answer(status: number): void {
    this.socket.write(`HTTP/1.1 ${status} -\r\n${HEADERS}${END_OF_HEAD}`, 'latin1');
  }

  cut(): void {
    this.socket.destroy();
  }

  read(chunk: Buffer): void {
    if (this.request) {
      if (this.request.begin.length === 0) this.request.begin = chunk;
      this.missing -= chunk.length;
    } else if (!this.begin(chunk)) {
      return;
    }
    if (this.missing > 0) return;
    const request = this.request!;
    this.request = undefined;
    this.receive(request, this);
  }

  private begin(chunk: Buffer): boolean {
    const bytes = this.unread ? Buffer.concat([this.unread, chunk]) : chunk;
    const end = bytes.indexOf(END_OF_HEAD, 0, 'latin1');
    this.unread = end < 0 ? bytes : undefined;
    if (end < 0) return false;
    const head = bytes.toString('latin1', 0, end);
    const bodyBytes = Number(CONTENT_LENGTH.exec(head)?.[1] ?? 0);
    const begin = bytes.subarray(end + END_OF_HEAD.length);
    this.missing = bodyBytes - begin.length;
    const from = head.indexOf(' ') + 1;
    const url = head.slice(from, head.indexOf(' ', from));
    this.request = { url, head, begin, bodyBytes, firstByteAt: preciseNow() };
    return true;
  }
}
