import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Server } from 'node:http';

/**
 * Lets requests in flight finish at a stop, without waiting for keep-alive (5 s) on the connections they used:
 * server.close() closes only connections that are idle at that moment, and `forceCloseConnections` cuts busy ones.
 */
@Injectable()
export class DrainService implements BeforeApplicationShutdown {
  constructor(private readonly host: HttpAdapterHost) {}

  beforeApplicationShutdown(): void {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    const timer = setInterval(() => server.closeIdleConnections(), 50).unref();
    server.once('close', () => clearInterval(timer));
  }
}
