import { type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import { DrainService } from './drain.service.js';
import { passRequestIdOn } from './pass-request-id-on.js';

/** What the HTTP server needs from Nest's container; `setUpApi` does the rest. */
@Module({ providers: [DrainService] })
export class HttpServerModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(passRequestIdOn).forRoutes('{*route}');
  }
}
