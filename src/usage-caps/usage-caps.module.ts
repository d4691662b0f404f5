import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { CappedTenantRepository } from './capped-tenant.repository.js';
import { CAPPED_TENANT, cappedTenantSchema } from './capped-tenant.schema.js';
import { UsageCaps } from './usage-caps.js';

/** Switches off tenants that are over their usage limits. */
@Module({
  imports: [
    MongooseModule.forFeature([{ name: CAPPED_TENANT, schema: cappedTenantSchema }]),
    NotificationsModule,
    PlatformModule,
  ],
  providers: [CappedTenantRepository, UsageCaps],
  exports: [UsageCaps],
})
export class UsageCapsModule {}
