import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { setTimeout as delay } from 'node:timers/promises';
import { Config } from '../config/config.js';
import { traceWith } from '../tracing/tracing.js';
import { version } from '../config/version.js';

const NAME = 'hbf-session-manager';
/** A collector that does not answer must not delay the stop. */
const LAST_EXPORT_MS = 3_000;

/**
 * Sets the OpenTelemetry SDK up where a collector is configured, and loads it only then. The SDK reads the other
 * OTEL_* variables by itself: headers, sampler, batch sizes, OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES. No
 * automatic instrumentation is used: a span holds only what our code puts into it (no transcript, no customer's address),
 * and customers' endpoints are sent no trace id.
 */
@Injectable()
export class TracingSetup implements OnApplicationShutdown, OnModuleInit {
  private readonly logger = new Logger(TracingSetup.name);
  private provider?: NodeTracerProvider;

  constructor(private readonly config: Config) {}

  /** Before the first job begins. */
  async onModuleInit(): Promise<void> {
    const url = this.config.tracesUrl;
    if (url === undefined) return;
    const { BatchSpanProcessor, NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node');
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
    const { defaultResource, detectResources, envDetector, resourceFromAttributes } =
      await import('@opentelemetry/resources');
    const ours = resourceFromAttributes({ 'service.name': NAME, 'service.version': version });
    const resource = defaultResource()
      .merge(ours)
      .merge(detectResources({ detectors: [envDetector] }));
    const processor = new BatchSpanProcessor(new OTLPTraceExporter({ url }));
    this.provider = new NodeTracerProvider({ resource, spanProcessors: [processor] });
    this.provider.register();
    traceWith(this.provider.getTracer(NAME, version));
    this.logger.log({}, 'tracing.on');
  }

  /** Runs after everything that traces has stopped; spans that the collector does not take in three seconds are lost. */
  async onApplicationShutdown(): Promise<void> {
    if (!this.provider) return;
    traceWith(undefined);
    const sent = this.provider.shutdown().catch((error: Error) => {
      this.logger.warn({ reason: error.message }, 'tracing.lost');
    });
    await Promise.race([sent, delay(LAST_EXPORT_MS, undefined, { ref: false })]);
  }
}
