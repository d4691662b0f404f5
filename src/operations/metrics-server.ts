import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Config } from '../config/config.js';
import { Metrics } from './metrics.js';

/** Serves `GET /metrics`, and nothing else, on METRICS_PORT when it is set, until the process ends. */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(MetricsServer.name);
  private server?: Server;

  constructor(
    private readonly config: Config,
    private readonly metrics: Metrics,
  ) {}

  /** @throws Error when the port is taken: the start fails */
  async onApplicationBootstrap(): Promise<void> {
    if (this.config.metricsPort === undefined) return;
    this.server = createServer((request, response) => void this.answer(request, response));
    this.server.listen(this.config.metricsPort);
    await once(this.server, 'listening');
  }

  onApplicationShutdown(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  /** Undefined: METRICS_PORT is not set. */
  get port(): number | undefined {
    return (this.server?.address() as AddressInfo | undefined)?.port;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    try {
      const exposition = await this.metrics.exposition();
      response.writeHead(200, { 'content-type': this.metrics.contentType }).end(exposition);
    } catch (error) {
      this.logger.error({ reason: (error as Error).message }, 'metrics.failed');
      response.writeHead(500).end();
    }
  }
}
