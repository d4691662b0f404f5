import type { SimRequest } from './sim-request.js';

interface FaultScope {
  /** `GET /tenants`; absent: every route of the server. */
  route?: string;
  /** How many requests it spoils; absent: all until it is taken away. */
  times?: number;
  when?: (request: SimRequest) => boolean;
  /** `after`: what was asked is done all the same, only the answer goes wrong. Default `before`. */
  stage?: 'before' | 'after';
}

export type Fault = FaultScope &
  (
    | { kind: 'status'; status: number; body?: unknown; headers?: Record<string, string> }
    | { kind: 'delay'; ms: number }
    | { kind: 'hang' }
    | { kind: 'reset' }
    /** The request is handled, but answered with this body (a string is sent as it stands). */
    | { kind: 'body'; body: unknown; status?: number }
  );

/** Which requests go wrong, and how: the first fault in order of arrival that fits is the one that acts. */
export class FaultPlan {
  private faults: { fault: Fault; left: number }[] = [];

  add(fault: Fault): () => void {
    const entry = { fault, left: fault.times ?? Infinity };
    this.faults.push(entry);
    return () => (this.faults = this.faults.filter((known) => known !== entry));
  }

  clear(): void {
    this.faults = [];
  }

  next(request: SimRequest): Fault | undefined {
    const entry = this.faults.find(({ fault, left }) => left > 0 && fits(fault, request));
    if (!entry) return undefined;
    entry.left--;
    return entry.fault;
  }
}

function fits(fault: Fault, request: SimRequest): boolean {
  return (fault.route === undefined || fault.route === request.route) && (fault.when?.(request) ?? true);
}
