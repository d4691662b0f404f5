import { Module } from '@nestjs/common';
import { DeliveriesModule } from '../deliveries/deliveries.module.js';
import { IntegrationsStoreModule } from '../integrations/integrations.store.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { CheckPlanner } from './check-planner.js';
import { Recovery } from './recovery.js';
import { SessionCheckScheduler } from './session-check.scheduler.js';
import { SessionCheck } from './session-check.service.js';
import { SessionCompleter } from './session-completer.js';
import { SetAside } from './set-aside.js';
import { TenantScanner } from './tenant-scanner.js';

/** Finds the sessions that have ended and has them completed, on a schedule. */
@Module({
  imports: [DeliveriesModule, IntegrationsStoreModule, PlatformModule],
  providers: [CheckPlanner, Recovery, SessionCheck, SessionCheckScheduler, SessionCompleter, SetAside, TenantScanner],
  exports: [SessionCheckScheduler],
})
export class SessionsModule {}
