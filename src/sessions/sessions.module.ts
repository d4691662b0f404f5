import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { CompletionsModule } from '../completions/completions.module.js';
import { DeliveriesModule } from '../deliveries/deliveries.module.js';
import { IntegrationsModule } from '../integrations/integrations.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { UsageCapsModule } from '../usage-caps/usage-caps.module.js';
import { Adoption } from './adoption.js';
import { Backpressure } from './backpressure.js';
import { CatchUp } from './catch-up.js';
import { CheckAlerts } from './check-alerts.js';
import { CheckHistory } from './check-history.js';
import { CheckPlanner } from './check-planner.js';
import { CHECK_RECORD, checkRecordSchema } from './check-record.schema.js';
import { CompletionPace, PaceTimer } from './completion-pace.js';
import { DryRun } from './dry-run.js';
import { EndedSessions } from './ended-sessions.js';
import { Recovery } from './recovery.js';
import { SessionCheckScheduler } from './session-check.scheduler.js';
import { SessionCheck } from './session-check.service.js';
import { SessionCompleter } from './session-completer.js';
import { SessionEvents } from './session-events.js';
import { Quarantine } from './quarantine.js';
import { Shares } from './shares.js';
import { TenantScanner } from './tenant-scanner.js';

/** Finds the sessions that have ended and has them completed, on a schedule. */
@Module({
  imports: [
    MongooseModule.forFeature([{ name: CHECK_RECORD, schema: checkRecordSchema }]),
    CompletionsModule,
    DeliveriesModule,
    IntegrationsModule,
    NotificationsModule,
    PlatformModule,
    UsageCapsModule,
  ],
  providers: [
    Adoption,
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
    Quarantine,
    Shares,
    TenantScanner,
  ],
  exports: [CheckHistory, DryRun, SessionEvents, SessionCheckScheduler],
})
export class SessionsModule {}
