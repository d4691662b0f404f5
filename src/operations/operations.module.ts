import { type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { Config } from '../config/config.js';
import { DeliveriesModule } from '../deliveries/deliveries.module.js';
import { NlpPipelinesModule } from '../nlp-pipelines/nlp-pipelines.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { AboutController } from './about.controller.js';
import { Backlog } from './backlog.js';
import { DrainService } from './drain.service.js';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';
import { loggerParams } from './logging.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsServer } from './metrics-server.js';
import { Metrics } from './metrics.js';
import { passRequestIdOn } from './pass-request-id-on.js';
import { TracingSetup } from './tracing-setup.js';

/** Health, version, metrics, traces, logs: what an operator sees. Reads the other rooms, changes none. */
@Module({
  imports: [
    LoggerModule.forRootAsync({ inject: [Config], useFactory: loggerParams }),
    DeliveriesModule,
    NlpPipelinesModule,
    NotificationsModule,
    PlatformModule,
    SessionsModule,
  ],
  controllers: [AboutController, HealthController, MetricsController],
  providers: [Backlog, DrainService, HealthService, Metrics, MetricsServer, TracingSetup],
})
export class OperationsModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(passRequestIdOn).forRoutes('{*route}');
  }
}
