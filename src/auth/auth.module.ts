import { Module } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import { Config } from '../config/config.js';
import { PlatformModule } from '../platform/platform.module.js';
import { Authenticator } from './authenticator.js';
import { rateLimits } from './rate-limit.guard.js';

/** Who calls, what they may do, and how often. */
@Module({
  imports: [PlatformModule, ThrottlerModule.forRootAsync({ inject: [Config], useFactory: rateLimits })],
  providers: [Authenticator],
  exports: [Authenticator, ThrottlerModule],
})
export class AuthModule {}
