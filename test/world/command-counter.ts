import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

const HEARTBEATS = 'heartbeats\0';
const BEAT = 'heartbeat';
const HEADER = 16;
const OP_MSG = 2013;
/** flagBits (4) and the section kind (1) before the command document; its length (4) and type byte (1) before the name. */
const NAME_AT = HEADER + 4 + 1 + 4 + 1;
/** The driver's own look at the server, and what a readiness probe asks: no work of the service. */
const NOT_COUNTED = new Set(['hello', 'isMaster', 'ismaster', 'ping', 'endSessions']);

/** Stands between the service and MongoDB and counts the commands that pass, by name. Changes nothing. */
export class CommandCounter {
  readonly counts = new Map<string, number>();

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
      const reader = new MessageReader((name) => counter.note(name));
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

  /** Of work: heartbeats come by themselves, whenever a test looks. */
  get besideHeartbeats(): number {
    return this.total - (this.counts.get(BEAT) ?? 0);
  }

  stop(): void {
    this.server.close();
  }

  private note(name: string): void {
    if (!NOT_COUNTED.has(name)) this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }
}

/** The command's name; `heartbeat` for a beat, whose first value is the collection (after its length, four bytes). */
function commandOf(message: Buffer): string {
  const end = message.indexOf(0, NAME_AT);
  const isBeat = message.toString('latin1', end + 5, end + 5 + HEARTBEATS.length) === HEARTBEATS;
  return isBeat ? BEAT : message.toString('latin1', NAME_AT, end);
}

/** Cuts a byte stream into MongoDB wire messages. */
class MessageReader {
  private rest: Buffer = Buffer.alloc(0);

  constructor(private readonly onCommand: (name: string) => void) {}

  read(chunk: Buffer): void {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    while (this.rest.length >= HEADER && this.rest.length >= this.rest.readInt32LE(0)) {
      const message = this.rest.subarray(0, this.rest.readInt32LE(0));
      this.rest = this.rest.subarray(message.length);
      if (message.readInt32LE(12) === OP_MSG) this.onCommand(commandOf(message));
    }
  }
}
