import { type Contract, routeOf } from './contracts.js';

/** A request as far as a contract speaks of it. */
export interface AskedFor {
  method: string;
  /** Path as sent, still percent-encoded, without the query. */
  path: string;
  query: URLSearchParams;
  contentType: string | undefined;
  rawBody: string;
}

export interface Matched {
  contract: Contract;
  route: string;
  params: Record<string, string>;
}

interface Candidate {
  contract: Contract;
  route: string;
  segments: string[];
}

/** Finds routes by method and path; a route without `{names}` wins over one with. */
export class RouteTable {
  private readonly byShape = new Map<string, Candidate[]>();

  constructor(contracts: readonly Contract[]) {
    for (const contract of contracts) this.add(contract);
  }

  match(method: string, path: string): Matched | undefined {
    const segments = path.split('/').slice(1);
    for (const candidate of this.byShape.get(`${method} ${segments.length}`) ?? []) {
      const params = paramsOf(candidate.segments, segments);
      if (params) return { contract: candidate.contract, route: candidate.route, params };
    }
    return undefined;
  }

  private add(contract: Contract): void {
    const segments = contract.path.split('/').slice(1);
    const shape = `${contract.method} ${segments.length}`;
    const list = [...(this.byShape.get(shape) ?? []), { contract, route: routeOf(contract), segments }];
    this.byShape.set(
      shape,
      list.sort((a, b) => placeholders(a) - placeholders(b)),
    );
  }
}

function placeholders(candidate: Candidate): number {
  return candidate.segments.filter((segment) => segment.startsWith('{')).length;
}

function paramsOf(template: string[], actual: string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, segment] of template.entries()) {
    const value = actual[index]!;
    if (!segment.startsWith('{')) {
      if (segment !== value) return undefined;
    } else {
      const decoded = decode(value);
      if (!decoded) return undefined;
      params[segment.slice(1, -1)] = decoded;
    }
  }
  return params;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** @returns what the contract forbids in this request, and the body it carries */
export function checkRequest(contract: Contract, asked: AskedFor): { problems: string[]; body: unknown } {
  const problems = queryProblems(contract, asked.query);
  if (!contract.body) {
    if (asked.rawBody !== '') problems.push('no body is expected');
    return { problems, body: undefined };
  }
  if (!asked.contentType?.startsWith('application/json')) problems.push('the body must be application/json');
  const body = parse(asked.rawBody);
  const expected = contract.body(body);
  if (expected) problems.push(`the body must be ${expected}`);
  return { problems, body };
}

function queryProblems(contract: Contract, query: URLSearchParams): string[] {
  const problems: string[] = [];
  for (const [name, parameter] of Object.entries(contract.query)) {
    const values = query.getAll(name);
    if (values.length > 1) problems.push(`${name} is given ${values.length} times`);
    if (values.length === 0 && parameter.required) problems.push(`${name} is required`);
    const expected = values[0] === undefined ? undefined : parameter.form(values[0]);
    if (expected) problems.push(`${name} must be ${expected}`);
  }
  for (const name of new Set(query.keys())) {
    if (!Object.hasOwn(contract.query, name)) problems.push(`unknown parameter ${name}`);
  }
  return problems;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
