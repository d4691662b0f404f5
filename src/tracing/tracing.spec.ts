import { context, propagation, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { inNoTrace, inThisTrace, traced, traceHeaders, traceWith } from './tracing.js';

describe('tracing', () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

  beforeAll(() => provider.register());

  beforeEach(() => {
    exporter.reset();
    traceWith(provider.getTracer('test'));
  });

  afterEach(() => traceWith(undefined));

  afterAll(async () => {
    await provider.shutdown();
    trace.disable();
    context.disable();
    propagation.disable();
  });

  const span = (name: string) => {
    const found = exporter.getFinishedSpans().find((one) => one.name === name);
    if (!found) throw new Error(`there is no span ${name}`);
    return found;
  };

  it('puts work below the span that is active, with what it notes', async () => {
    await traced({ name: 'outer' }, () =>
      traced({ name: 'inner' }, (note) => Promise.resolve(note(() => ({ 'hbf.n': 3 })))),
    );
    expect(span('inner').parentSpanContext?.spanId).toBe(span('outer').spanContext().spanId);
    expect(span('inner').attributes).toEqual({ 'hbf.n': 3 });
  });

  it('ends a span as an error by its code, and repeats no message', async () => {
    const error = Object.assign(new Error('SECRET in a message'), { code: 'http_503' });
    await expect(traced({ name: 'broken' }, () => Promise.reject(error))).rejects.toBe(error);
    expect(span('broken').attributes).toEqual({ 'error.type': 'http_503' });
    expect(span('broken').events).toEqual([]);
    expect(span('broken').status).toEqual({ code: 2 });
  });

  it('ties work that starts later to its trace, or to none', async () => {
    const later: (() => Promise<void>)[] = [];
    await traced({ name: 'page' }, async () => {
      const work = (name: string) => () => traced({ name }, () => Promise.resolve());
      later.push(inThisTrace(work('first')), inNoTrace(work('retry')));
      await Promise.resolve();
    });
    await traced({ name: 'other' }, () => Promise.all(later.map((start) => start())));
    expect(span('first').parentSpanContext?.spanId).toBe(span('page').spanContext().spanId);
    expect(span('retry').parentSpanContext).toBeUndefined();
  });

  it('carries the trace on in the headers of the span that is active', async () => {
    const headers = await traced({ name: 'call', client: true }, () => Promise.resolve(traceHeaders()));
    const { traceId, spanId } = span('call').spanContext();
    expect(headers).toEqual({ traceparent: `00-${traceId}-${spanId}-01` });
  });

  it('does nothing at all while it is off', async () => {
    traceWith(undefined);
    const work = () => Promise.resolve('done');
    expect(inThisTrace(work)).toBe(work);
    expect(inNoTrace(work)).toBe(work);
    expect(await traced({ name: 'off' }, work)).toBe('done');
    expect(traceHeaders()).toEqual({});
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});
