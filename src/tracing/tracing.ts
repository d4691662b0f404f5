import {
  type Attributes,
  context,
  defaultTextMapSetter,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
} from '@opentelemetry/api';

/**
 * What a piece of work says about itself while it runs, asked only while somebody traces. Names and counts only: no text,
 * token or address.
 */
export type Note = (attributes: () => Attributes) => void;

export interface TracedWork {
  name: string;
  /** Asked only while somebody traces: to prepare them costs something, too. */
  attributes?: () => Attributes;
  /** A call to another service. */
  client?: boolean;
}

/** Undefined: tracing is off, and costs one comparison per piece of work. */
let tracer: Tracer | undefined;

const nothing: Note = () => undefined;

/** Switches tracing on, or off with undefined. Who has set up an SDK calls it; the rooms only use what is below. */
export function traceWith(given: Tracer | undefined): void {
  tracer = given;
}

/** Whether somebody traces. Where it is thousands of times a second, ask first: what `traced` is given has its price. */
export function isTracing(): boolean {
  return tracer !== undefined;
}

/** Runs `work` inside a span, below the span that is active now. What it rejects with ends the span as an error. */
export function traced<T>(what: TracedWork, work: (note: Note) => Promise<T>): Promise<T> {
  if (!tracer) return work(nothing);
  const kind = what.client ? SpanKind.CLIENT : SpanKind.INTERNAL;
  return tracer.startActiveSpan(what.name, { kind, attributes: what.attributes?.() ?? {} }, (span) =>
    watch(span, work),
  );
}

/** Ties work that starts later, when another span may be active, to the span that is active now. */
export function inThisTrace<A extends unknown[], T>(work: (...args: A) => T): (...args: A) => T {
  return tracer ? context.bind(context.active(), work) : work;
}

/** Ties work to no span: what it does begins traces of its own. */
export function inNoTrace<T>(work: () => T): () => T {
  return tracer ? context.bind(ROOT_CONTEXT, work) : work;
}

/** The headers that carry the trace on to a service of the platform. Never for customers: it is none of their business. */
export function traceHeaders(): Record<string, string> {
  if (!tracer) return {};
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers, defaultTextMapSetter);
  return headers;
}

async function watch<T>(span: Span, work: (note: Note) => Promise<T>): Promise<T> {
  try {
    return await work((attributes) => span.setAttributes(attributes()));
  } catch (error) {
    // the code, as a message may repeat what a remote said
    const { code, name } = error as { code?: unknown; name?: unknown };
    const known = [code, name].find((one): one is string => typeof one === 'string') ?? 'error';
    span.setAttribute('error.type', known);
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
