import { Module } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { Config } from '../config/config.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { DrainService } from './drain.service.js';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';
import { loggerParams } from './logging.js';

/** Health, version, logs: what an operator sees. Reads the other rooms, changes none. */
@Module({
  imports: [LoggerModule.forRootAsync({ inject: [Config], useFactory: loggerParams }), SessionsModule],
  controllers: [HealthController],
  providers: [DrainService, HealthService],
})
export class OperationsModule {}
