import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { bytesOf, endWith } from './byte-parts.js';
import { checkRequest, RouteTable } from './contract-checker.js';
import { type Contract, type Service } from './contracts.js';
import { type Fault, FaultPlan } from './fault-plan.js';
import type { SimRequest } from './sim-request.js';
import { freePort } from '../../support/ports.js';
import { type JournalEntry, RequestJournal } from './request-journal.js';

export interface SimAnswer {
  status: number;
  /** A text, a Buffer or ByteParts are sent as they are, anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
}

export type Handler = (request: SimRequest) => SimAnswer;
export type Hook = (request: SimRequest) => void | Promise<void>;

/** Changes what the server understands of a request, or what it makes of an answer; faults act after it. */
export interface Distortion {
  request?: (request: SimRequest) => SimRequest;
  answer?: (answer: SimAnswer, request: SimRequest) => SimAnswer;
}

export type Observer = (request: SimRequest, answer: SimAnswer) => void;

export interface SimulatedServerOptions {
  service: Service;
  contracts: readonly Contract[];
  /** One per contract, by route. */
  handlers: Record<string, Handler>;
  authorize: (route: string, token: string | undefined) => boolean;
}

/** One of the platform's services as a real HTTP server: contract first, then token, faults, hooks, and the answer. */
export class SimulatedServer {
  /** What the service asked that no contract knows. A test ends with `expect(violations).toEqual([])`. */
  readonly violations: string[] = [];
  /** Benchmarks switch this off; the counters count on. */
  recordRequests = true;
  /** Put over the headers of every answer. */
  answerHeaders: () => Record<string, string> = () => ({});
  /** What was asked, with counters by route and by tenant. */
  readonly journal = new RequestJournal();
  private readonly server: Server;
  private readonly routes: RouteTable;
  private readonly faults = new FaultPlan();
  private readonly hooks = new Map<string, Hook[]>();
  private readonly distortions = new Map<string, Distortion[]>();
  private readonly observers = new Map<string, Observer[]>();

  constructor(private readonly options: SimulatedServerOptions) {
    this.routes = new RouteTable(options.contracts);
    this.server = createServer((request, response) => this.serveSafely(request, response));
    this.server.keepAliveTimeout = 60_000;
  }

  /** At that port, or at one that it can come back to after it has stopped. */
  async listen(at?: number): Promise<void> {
    const port = at ?? (await freePort());
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The last requests, oldest first. */
  get requests(): readonly JournalEntry[] {
    return this.journal.entries;
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  /** From now on requests of that kind go wrong; the answer takes the fault away again. */
  fault(fault: Fault): () => void {
    return this.faults.add(fault);
  }

  clearFaults(): void {
    this.faults.clear();
  }

  /** Runs `hook` before each request of the route is handled, while the caller waits; the answer removes it. */
  onBefore(route: string, hook: Hook): () => void {
    this.hooks.set(route, [...(this.hooks.get(route) ?? []), hook]);
    return () => this.hooks.set(route, (this.hooks.get(route) ?? []).filter((known) => known !== hook)); // prettier-ignore
  }

  /** From now on requests of the route are misread, or answers to them are changed; the answer takes that away again. */
  distort(route: string, distortion: Distortion): () => void {
    this.distortions.set(route, [...this.distortionsOf(route), distortion]);
    return () => this.distortions.set(route, this.distortionsOf(route).filter((known) => known !== distortion)); // prettier-ignore
  }

  /** Tells `observer` of each request of the route that was answered, faults included. */
  onAnswered(route: string, observer: Observer): void {
    this.observers.set(route, [...(this.observers.get(route) ?? []), observer]);
  }

  /** How often the route was called; with a status: how often it was answered so. */
  count(route: string, status?: number): number {
    return this.journal.count(route, status);
  }

  /** The most requests of the route that were under way at once. */
  peak(route: string): number {
    return this.journal.peak(route);
  }

  resetCounters(): void {
    this.journal.reset();
  }

  /** A hook or handler that throws is the test's mistake: it shows among the violations. */
  private serveSafely(message: IncomingMessage, response: ServerResponse): void {
    this.serve(message, response).catch((error: unknown) => {
      this.violations.push(`${this.options.service}: the simulator failed at ${message.url}: ${String(error)}`);
      response.destroy();
    });
  }

  private async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    message.on('error', () => undefined);
    const rawBody = await readBody(message);
    if (rawBody === undefined) return; // the caller hung up
    const asked = split(message.url ?? '/');
    const matched = this.routes.match(message.method ?? '', asked.path);
    const entry = this.note(message, asked, matched?.route);
    if (!matched) {
      this.violations.push(`${this.options.service}: unknown route ${message.method} ${asked.path}`);
      return this.send(response, entry, { status: 404, body: { message: 'no such route' } });
    }
    const contentType = message.headers['content-type'];
    const { problems, body } = checkRequest(matched.contract, { ...asked, method: entry.method, contentType, rawBody });
    if (problems.length > 0) {
      this.violations.push(...problems.map((problem) => `${this.options.service}: ${matched.route}: ${problem}`));
      return this.send(response, entry, { status: 400, body: { message: problems.join('; ') } });
    }
    const request: SimRequest = {
      service: this.options.service,
      method: entry.method,
      route: matched.route,
      path: asked.path,
      params: matched.params,
      query: asked.query,
      headers: message.headers,
      token: /^Bearer (.+)$/.exec(message.headers.authorization ?? '')?.[1],
      body,
      at: entry.at,
    };
    response.once('close', this.journal.enter(matched.route));
    await this.answer(request, response, entry);
  }

  private async answer(request: SimRequest, response: ServerResponse, entry: JournalEntry): Promise<void> {
    if (request.token === undefined) {
      this.violations.push(`${this.options.service}: ${request.route}: no bearer token`);
    }
    if (!this.options.authorize(request.route, request.token)) {
      return this.send(response, entry, { status: 401, body: { message: 'who is asking?' } });
    }
    for (const hook of this.hooks.get(request.route) ?? []) await hook(request);
    const fault = this.faults.next(request);
    const answer = await this.decide(request, fault);
    if (fault?.kind === 'reset') response.socket?.resetAndDestroy();
    if (!answer) return;
    this.send(response, entry, answer);
    for (const observe of this.observers.get(request.route) ?? []) observe(request, answer);
  }

  /** @returns undefined when the fault leaves the request without an answer */
  private async decide(request: SimRequest, fault: Fault | undefined): Promise<SimAnswer | undefined> {
    const after = fault?.stage === 'after';
    if (fault?.kind === 'delay' && !after) await delay(fault.ms);
    const handled = !fault || after || fault.kind === 'delay' || fault.kind === 'body';
    const answer = handled ? this.handle(request) : undefined;
    if (fault?.kind === 'delay' && after) await delay(fault.ms);
    switch (fault?.kind) {
      case 'hang':
      case 'reset':
        return undefined;
      case 'status':
        return { status: fault.status, body: fault.body ?? { message: 'a fault' }, headers: fault.headers ?? {} };
      case 'body':
        return { status: fault.status ?? 200, body: fault.body };
      default:
        return answer;
    }
  }

  private handle(request: SimRequest): SimAnswer {
    const distortions = this.distortionsOf(request.route);
    const understood = distortions.reduce((seen, { request: change }) => change?.(seen) ?? seen, request);
    const answer = this.options.handlers[request.route]!(understood);
    return distortions.reduce((given, { answer: change }) => change?.(given, understood) ?? given, answer);
  }

  private distortionsOf(route: string): Distortion[] {
    return this.distortions.get(route) ?? [];
  }

  private note(message: IncomingMessage, asked: { path: string; query: URLSearchParams }, route = 'unknown') {
    const { path, query } = asked;
    const method = message.method ?? '';
    const entry: JournalEntry = { route, method, path, query: query.toString(), status: undefined, at: Date.now() };
    this.journal.begin(entry, this.recordRequests);
    return entry;
  }

  private send(response: ServerResponse, entry: JournalEntry, { status, body, headers }: SimAnswer): void {
    this.journal.answered(entry, status);
    if (response.destroyed) return;
    const bytes = bytesOf(body);
    const own = bytes.length === 0 ? {} : { 'content-type': 'application/json', 'content-length': bytes.length };
    endWith(response.writeHead(status, { ...own, ...this.answerHeaders(), ...headers }), bytes);
  }
}

function split(url: string): { path: string; query: URLSearchParams } {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  return { path, query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)) };
}

async function readBody(message: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of message) chunks.push(chunk as Buffer);
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString('utf8');
}
