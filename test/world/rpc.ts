import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** What a helper process can be asked, by name; each takes one value that can be cloned and gives one back. */
export type Handlers = Record<string, (input: never) => unknown>;

type Answer<H extends Handlers, K extends keyof H> = Awaited<ReturnType<H[K]>>;
interface Reply {
  id: number;
  result?: unknown;
  error?: string;
}

/** Answers the parent's calls until the parent goes away; this process ends with it. */
export function serve(handlers: Handlers): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', (call: { id: number; method: string; input: never }) => {
    const run = new Promise((resolve) => resolve(handlers[call.method]!(call.input)));
    run.then(
      (result) => process.send!({ id: call.id, result } satisfies Reply),
      (error: Error) => process.send!({ id: call.id, error: error.stack ?? String(error) } satisfies Reply),
    );
  });
  process.send!({ id: 0 } satisfies Reply);
}

/** A helper process, seen from its parent. */
export class Remote<H extends Handlers> {
  private readonly waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private readonly ready: Promise<unknown>;
  private nextId = 1;

  private constructor(private readonly child: ChildProcess) {
    this.ready = new Promise((resolve, reject) => this.waiting.set(0, { resolve, reject }));
    child.on('message', (reply: Reply) => {
      const caller = this.waiting.get(reply.id);
      this.waiting.delete(reply.id);
      if (reply.error === undefined) caller?.resolve(reply.result);
      else caller?.reject(new Error(reply.error));
    });
    child.once('exit', (code) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`a helper process ended (${code})`));
    });
  }

  /** @param file absolute path of the module that calls `serve` */
  static async start<H extends Handlers>(file: string): Promise<Remote<H>> {
    const remote = new Remote<H>(fork(file, { serialization: 'advanced' }));
    await remote.ready;
    return remote;
  }

  get pid(): number {
    return this.child.pid!;
  }

  call<K extends keyof H & string>(method: K, input?: Parameters<H[K]>[0]): Promise<Answer<H, K>> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.child.send({ id, method, input });
    });
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    this.waiting.clear();
    const exited = once(this.child, 'exit');
    this.child.disconnect();
    await exited;
  }
}
