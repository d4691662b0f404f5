import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Config } from './config.js';

/** Provides the process's one Config to every module. */
@Global()
@Module({})
export class ConfigModule {
  static for(config: Config): DynamicModule {
    return { module: ConfigModule, providers: [{ provide: Config, useValue: config }], exports: [Config] };
  }
}
