import { Module } from '@nestjs/common';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { CappedTenantRepository } from './capped-tenant.repository.js';
import { UsageCaps } from './usage-caps.js';

/** Switches off tenants that are over their usage limits. */
@Module({
  imports: [NotificationsModule, PlatformModule],
  providers: [CappedTenantRepository, UsageCaps],
  exports: [UsageCaps],
})
export class UsageCapsModule {}
