import { type DynamicModule, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { ApiModule } from './api/api.module.js';
import type { Config } from './config/config.js';
import { ConfigModule } from './config/config.module.js';
import { HttpServerModule } from './http/http-server.module.js';
import { NlpPipelinesModule } from './nlp-pipelines/nlp-pipelines.module.js';
import { OperationsModule } from './operations/operations.module.js';
import { PersistenceModule } from './persistence/persistence.module.js';
import { SessionsModule } from './sessions/sessions.module.js';

/** The whole service, for one configuration. */
@Module({})
export class AppModule {
  static for(config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.for(config),
        ScheduleModule.forRoot(),
        PersistenceModule,
        SessionsModule,
        NlpPipelinesModule,
        HttpServerModule,
        ApiModule,
        OperationsModule,
      ],
    };
  }
}
