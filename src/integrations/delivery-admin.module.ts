import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { DeliveriesModule } from '../deliveries/deliveries.module.js';
import { DeliveriesController, SessionDeliveriesController } from './deliveries.controller.js';
import { DeliveryAdminService } from './delivery-admin.service.js';
import { IntegrationsStoreModule } from './integrations.store.module.js';

/** The REST API over what integrations were sent. */
@Module({
  imports: [AuthModule, DeliveriesModule, IntegrationsStoreModule],
  controllers: [DeliveriesController, SessionDeliveriesController],
  providers: [DeliveryAdminService],
})
export class DeliveryAdminModule {}
