import type { CoreState } from './core-routes.js';
import type { Json } from './core-store.js';
import type { SimRequest } from './sim-request.js';
import type { SimAnswer, SimulatedServer } from './simulated-server.js';

const LISTS = 'GET /chat-sessions';
const READS = 'GET /chat-sessions/{id}';
const COMPLETE = 'PATCH /chat-sessions/batch/complete';

/** A route that answers with pages. */
export type PagedRoute = 'GET /tenants' | typeof LISTS;

/** Takes the trouble away again. */
export type Heal = () => void;

/** What `total` is told to be. */
export type Total = (real: number, onPage: number) => unknown;

/**
 * The misleading, slow and failing answers of hbf-core, one method each. What a method changes lasts until its answer is
 * called, or `server.clearFaults()` where it is a plain fault.
 */
export class BadDay {
  constructor(
    private readonly server: SimulatedServer,
    private readonly state: CoreState,
  ) {}

  /** Every page is the first one. */
  ignorePageParameter(route: PagedRoute = LISTS): Heal {
    return this.misread(route, (query) => query.set('page', '0'));
  }

  /** Each page comes twice: page 1 is page 0 again, page 3 is page 2 again, and so on. */
  repeatEachPage(route: PagedRoute = LISTS): Heal {
    return this.misread(route, (query) => query.set('page', String(Math.floor(Number(query.get('page')) / 2))));
  }

  /** Session lists are over all tenants, whichever was asked for. */
  ignoreTenantFilter(): Heal {
    return this.misread(LISTS, (query) => query.delete('tenantId'));
  }

  /** The list of that tenant shows a session of another one, too, as long as it is ACTIVE. */
  listAlsoFor(tenantId: string, sessionId: string): Heal {
    const listed = this.state.alsoListed.get(tenantId) ?? new Set();
    this.state.alsoListed.set(tenantId, listed.add(sessionId));
    return () => void listed.delete(sessionId);
  }

  /** Each session has a second row on its page. */
  listTwice(): Heal {
    return this.changePages(LISTS, (page) => ({ ...page, items: itemsOf(page).flatMap((item) => [item, item]) }));
  }

  tellTotal(total: Total, route: PagedRoute = LISTS): Heal {
    return this.changePages(route, (page) => ({ ...page, total: total(Number(page['total']), itemsOf(page).length) }));
  }

  /** Never more on a page, but the next page begins where one of the size that was asked for would have ended. */
  capPages(atMost: number, route: PagedRoute = LISTS): Heal {
    return this.changePages(route, (page) => ({ ...page, items: itemsOf(page).slice(0, atMost) }));
  }

  /** Never more on a page, page by page without a gap, and `total` is what this page and those before it hold. */
  limitPages(atMost: number, route: PagedRoute = LISTS): Heal {
    const heals = [
      this.misread(route, (query) => query.set('pageSize', String(atMost))),
      this.changePages(route, (page) => ({ ...page, total: Number(page['page']) * atMost + itemsOf(page).length })),
    ];
    return () => heals.forEach((heal) => heal());
  }

  /** Session lists of these tenants are answered with that status. */
  failLists(tenantIds: Iterable<string>, status = 500): Heal {
    return this.server.fault({ kind: 'status', status, route: LISTS, when: asksFor(tenantIds) });
  }

  /** Session lists of these tenants are never answered. */
  hangLists(tenantIds: Iterable<string>): Heal {
    return this.server.fault({ kind: 'hang', route: LISTS, when: asksFor(tenantIds) });
  }

  /** Session lists of these tenants take so long; with `above`, only where a page of more sessions is asked for. */
  slowLists(tenantIds: Iterable<string>, ms: number, above = 0): Heal {
    const asks = asksFor(tenantIds);
    const isLong = (request: SimRequest) => Number(request.query.get('pageSize')) > above;
    const when = (request: SimRequest) => asks(request) && isLong(request);
    return this.server.fault({ kind: 'delay', ms, route: LISTS, when });
  }

  /** Pages of more than `above` tenants take so long. */
  slowTenants(ms: number, above = 0): Heal {
    const when = ({ query }: SimRequest) => Number(query.get('pageSize')) > above;
    return this.server.fault({ kind: 'delay', ms, route: 'GET /tenants', when });
  }

  /** Single sessions are answered with that status; with `sessionIds`, only these. */
  failReads(status: number, sessionIds?: Iterable<string>): Heal {
    const ids = sessionIds && new Set(sessionIds);
    const when = ({ params }: SimRequest) => ids === undefined || ids.has(params['id']!);
    return this.server.fault({ kind: 'status', status, route: READS, when });
  }

  /** As an ingress does while a service is deployed: it does not know a single session. */
  answerNotFound(): Heal {
    return this.failReads(404);
  }

  /** hbf-core stumbles over that session: a batch with it is answered with that status, and nothing of it is applied. */
  failToComplete(sessionId: string, status = 500): Heal {
    const when = ({ body }: SimRequest) => (body as { ids: string[] }).ids.includes(sessionId);
    return this.server.fault({ kind: 'status', status, route: COMPLETE, when });
  }

  /** Batches are answered with that status; `applied`: the sessions are completed all the same. */
  completeAnswers({ status, applied, times }: { status: number; applied: boolean; times?: number }): Heal {
    const stage = applied ? 'after' : 'before';
    return this.server.fault({ kind: 'status', status, route: COMPLETE, stage, ...(times !== undefined && { times }) });
  }

  /** The first batch is completed, then the connection breaks; whatever names a completed session again gets `status`. */
  completeThenBreakAndRefuseAgain(status: number): void {
    this.server.fault({ kind: 'reset', route: COMPLETE, stage: 'after', times: 1 });
    const isRepetition = ({ body }: SimRequest) =>
      (body as { ids: string[] }).ids.some((id) => this.state.store.sessions.get(id)?.status === 'COMPLETED');
    this.server.fault({ kind: 'status', status, route: COMPLETE, when: isRepetition });
  }

  /** The clock of the `Date` header is so far ahead (negative: behind); `age`: the answers come from a cache. */
  tellTime({ aheadMs, age }: { aheadMs: number; age?: number }): void {
    this.server.answerHeaders = () => ({
      date: new Date(Date.now() + aheadMs).toUTCString(),
      ...(age !== undefined && { age: String(age) }),
    });
  }

  private misread(route: PagedRoute, change: (query: URLSearchParams) => void): Heal {
    const misread = (request: SimRequest): SimRequest => {
      const query = new URLSearchParams(request.query);
      change(query);
      return { ...request, query };
    };
    return this.server.distort(route, { request: misread });
  }

  private changePages(route: PagedRoute, change: (page: Json) => Json): Heal {
    const answer = ({ body, ...rest }: SimAnswer): SimAnswer => ({ ...rest, body: change(body as Json) });
    return this.server.distort(route, { answer });
  }
}

function itemsOf(page: Json): unknown[] {
  return page['items'] as unknown[];
}

/** A list over all tenants shows theirs, too, and fares as they do. */
function asksFor(tenantIds: Iterable<string>): (request: SimRequest) => boolean {
  const ids = new Set(tenantIds);
  return ({ query }) => ids.has(query.get('tenantId') ?? '') || !query.has('tenantId');
}
