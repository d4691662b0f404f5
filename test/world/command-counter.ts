import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

const HEADER = 16;
const OP_MSG = 2013;
/** flagBits (4) and the section kind (1) before the command document; its length (4) and type byte (1) before the name. */
const NAME_AT = HEADER + 4 + 1 + 4 + 1;
const BSON_STRING = 2;
/** The driver's own look at the server, and what a readiness probe asks: no work of the service. */
const NOT_COUNTED = new Set(['hello', 'isMaster', 'ismaster', 'ping', 'endSessions']);

/** Stands between the service and MongoDB and counts the commands that pass, by name. Changes nothing. */
export class CommandCounter {
  readonly counts = new Map<string, number>();
  /** The same, by the collection that the command names; `''` for commands without one. */
  readonly byCollection = new Map<string, number>();

  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    readonly uri: string,
  ) {}

  /** @param uri `mongodb://host:port/database?…` */
  static async start(uri: string): Promise<CommandCounter> {
    const { hostname, port } = new URL(uri);
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, (near) => {
      const far = connect({ host: hostname, port: Number(port), noDelay: true });
      const reader = new MessageReader((name, collection) => counter.note(name, collection));
      near.on('data', (chunk: Buffer) => reader.read(chunk));
      for (const [a, b] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(a);
        a.pipe(b);
        a.on('error', () => b.destroy());
        a.on('close', () => sockets.delete(a) && b.destroy());
      }
    });
    server.on('close', () => sockets.forEach((socket) => socket.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const counter = new CommandCounter(server, uri.replace(`:${port}`, `:${(server.address() as AddressInfo).port}`));
    return counter;
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** All but those on these collections. */
  totalBeside(...collections: string[]): number {
    return collections.reduce((sum, name) => sum - (this.byCollection.get(name) ?? 0), this.total);
  }

  stop(): void {
    this.server.close();
  }

  private note(name: string, collection: string): void {
    if (NOT_COUNTED.has(name)) return;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    this.byCollection.set(collection, (this.byCollection.get(collection) ?? 0) + 1);
  }
}

/** Cuts a byte stream into MongoDB wire messages. */
class MessageReader {
  private rest: Buffer = Buffer.alloc(0);

  constructor(private readonly onCommand: (name: string, collection: string) => void) {}

  read(chunk: Buffer): void {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    while (this.rest.length >= HEADER && this.rest.length >= this.rest.readInt32LE(0)) {
      const message = this.rest.subarray(0, this.rest.readInt32LE(0));
      this.rest = this.rest.subarray(message.length);
      if (message.readInt32LE(12) === OP_MSG) this.tell(message);
    }
  }

  /** A command's first element is its name; its value, where it is a text, the collection. */
  private tell(message: Buffer): void {
    const end = message.indexOf(0, NAME_AT);
    const isText = message[NAME_AT - 1] === BSON_STRING;
    const collection = isText ? message.toString('utf8', end + 5, end + 4 + message.readInt32LE(end + 1)) : '';
    this.onCommand(message.toString('latin1', NAME_AT, end), collection);
  }
}
