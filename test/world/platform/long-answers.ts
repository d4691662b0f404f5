import { ByteParts } from './byte-parts.js';
import type { CoreSimulator } from './core-simulator.js';
import type { Json } from './core-store.js';
import type { SimRequest } from './sim-request.js';
import type { SimAnswer } from './simulated-server.js';

const ROUTES = ['GET /chat-sessions', 'GET /chat-sessions/{id}'];
const PLACEHOLDER = /"@long:([^"]+)"/;

/**
 * Sessions with a field of many megabytes, which is told where a session is told with its messages. It is made once, and
 * put into the answers as it is.
 */
export class LongAnswers {
  private readonly long = new Map<string, { field: string; parts: readonly Buffer[] }>();

  constructor(core: CoreSimulator) {
    for (const route of ROUTES) {
      core.server.distort(route, { answer: (answer, request) => this.lengthen(answer, request) });
    }
  }

  /** @param parts the value of `field`, as JSON */
  put(sessionId: string, field: string, parts: readonly Buffer[]): void {
    this.long.set(sessionId, { field, parts });
  }

  /** @throws Error when nothing was put into that session */
  partsOf(sessionId: string): readonly Buffer[] {
    const long = this.long.get(sessionId);
    if (!long) throw new Error(`session ${sessionId} is not long`);
    return long.parts;
  }

  private lengthen(answer: SimAnswer, { query }: SimRequest): SimAnswer {
    if (this.long.size === 0 || answer.status !== 200 || query.get('includeMessages') !== 'true') return answer;
    const body = answer.body as Json;
    const items = body['items'] as Json[] | undefined;
    const marked = items ? { ...body, items: items.map((item) => this.mark(item)) } : this.mark(body);
    return { ...answer, body: this.fill(JSON.stringify(marked)) };
  }

  private mark(session: Json): Json {
    const id = session['id'] as string;
    const long = this.long.get(id);
    return long ? { ...session, [long.field]: `@long:${id}` } : session;
  }

  private fill(text: string): ByteParts {
    // split by a group: texts and ids in turn
    const parts = text.split(PLACEHOLDER).map((part, index) => {
      return index % 2 === 0 ? [Buffer.from(part)] : this.partsOf(part);
    });
    return new ByteParts(parts.flat());
  }
}
