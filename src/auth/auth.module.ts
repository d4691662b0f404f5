import { Module } from '@nestjs/common';
import { PlatformModule } from '../platform/platform.module.js';
import { Authenticator } from './authenticator.js';
import { CallCounts } from './rate-limit.guard.js';

/** Who calls, what they may do, and how often. */
@Module({
  imports: [PlatformModule],
  providers: [Authenticator, CallCounts],
  exports: [Authenticator, CallCounts],
})
export class AuthModule {}
