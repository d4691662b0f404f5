import { Module } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { Config } from '../config/config.js';
import { CompletionsModule } from '../completions/completions.module.js';
import { DeliveriesModule } from '../deliveries/deliveries.module.js';
import { NlpPipelinesModule } from '../nlp-pipelines/nlp-pipelines.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { AboutController } from './about.controller.js';
import { Backlog } from './backlog.js';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';
import { loggerParams } from './logging.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsServer } from './metrics-server.js';
import { Metrics } from './metrics.js';
import { TracingSetup } from './tracing-setup.js';

/** Health, version, metrics, traces and logs. Reads the other rooms and changes none. */
@Module({
  imports: [
    LoggerModule.forRootAsync({ inject: [Config], useFactory: loggerParams }),
    CompletionsModule,
    DeliveriesModule,
    NlpPipelinesModule,
    NotificationsModule,
    PlatformModule,
    SessionsModule,
  ],
  controllers: [AboutController, HealthController, MetricsController],
  providers: [Backlog, HealthService, Metrics, MetricsServer, TracingSetup],
})
export class OperationsModule {}
