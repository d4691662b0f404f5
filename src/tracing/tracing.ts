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
 * Adds attributes to the span of running work; the function is called only while tracing is on. Attributes are names
 * and counts: no text of a conversation, no token, no address.
 */
export type Note = (attributes: () => Attributes) => void;

export interface TracedWork {
  name: string;
  /** Called only while tracing is on. */
  attributes?: () => Attributes;
  /** True for a call to another service. */
  client?: boolean;
}

/** Undefined while tracing is off. */
let tracer: Tracer | undefined;

const nothing: Note = () => undefined;

/** Switches tracing on, or off with undefined. Called by the set-up of the SDK (operations/tracing-setup.ts) only. */
export function traceWith(given: Tracer | undefined): void {
  tracer = given;
}

/** Runs `work` in a span whose parent is the active span. If `work` rejects, the span ends as an error. */
export function traced<T>(what: TracedWork, work: (note: Note) => Promise<T>): Promise<T> {
  if (!tracer) return work(nothing);
  const kind = what.client ? SpanKind.CLIENT : SpanKind.INTERNAL;
  return tracer.startActiveSpan(what.name, { kind, attributes: what.attributes?.() ?? {} }, (span) =>
    watch(span, work),
  );
}

/** Binds work that starts later, when another span may be active, to the span that is active now. */
export function inThisTrace<A extends unknown[], T>(work: (...args: A) => T): (...args: A) => T {
  return tracer ? context.bind(context.active(), work) : work;
}

/** Binds work to no span: its spans begin new traces. */
export function inNoTrace<T>(work: () => T): () => T {
  return tracer ? context.bind(ROOT_CONTEXT, work) : work;
}

/** The headers that pass the trace on to a service of the platform. They are never sent to customers. */
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
    // the code and not the message, which may repeat what a remote answered
    const { code, name } = error as { code?: unknown; name?: unknown };
    const known = [code, name].find((one): one is string => typeof one === 'string') ?? 'error';
    span.setAttribute('error.type', known);
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
