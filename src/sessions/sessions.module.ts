import { Module } from '@nestjs/common';
import { DeliveriesModule } from '../deliveries/deliveries.module.js';
import { IntegrationsStoreModule } from '../integrations/integrations.store.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { UsageCapsModule } from '../usage-caps/usage-caps.module.js';
import { Backpressure } from './backpressure.js';
import { CatchUp } from './catch-up.js';
import { CheckAlerts } from './check-alerts.js';
import { CheckHistory } from './check-history.js';
import { CheckPlanner } from './check-planner.js';
import { CompletionPace, PaceTimer } from './completion-pace.js';
import { DryRun } from './dry-run.js';
import { EndedSessions } from './ended-sessions.js';
import { Recovery } from './recovery.js';
import { SessionCheckScheduler } from './session-check.scheduler.js';
import { SessionCheck } from './session-check.service.js';
import { SessionCompleter } from './session-completer.js';
import { SessionEvents } from './session-events.js';
import { SetAside } from './set-aside.js';
import { TenantScanner } from './tenant-scanner.js';

/** Finds the sessions that have ended and has them completed, on a schedule. */
@Module({
  imports: [DeliveriesModule, IntegrationsStoreModule, NotificationsModule, PlatformModule, UsageCapsModule],
  providers: [
    Backpressure,
    CatchUp,
    CheckAlerts,
    CheckHistory,
    CheckPlanner,
    CompletionPace,
    DryRun,
    EndedSessions,
    PaceTimer,
    Recovery,
    SessionCheck,
    SessionCheckScheduler,
    SessionCompleter,
    SessionEvents,
    SetAside,
    TenantScanner,
  ],
  exports: [CheckHistory, DryRun, SessionEvents, SessionCheckScheduler],
})
export class SessionsModule {}
