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
import { CheckAlerts } from './check-alerts.js';
import { CheckHistory } from './check-history.js';
import { CheckProblems } from './check-problems.js';
import { CHECK_RECORD, checkRecordSchema } from './check-record.schema.js';
import { CompletionBatches } from './completion-batches.js';
import { CompletionPace, PaceTimer } from './completion-pace.js';
import { CoreCompletion } from './core-completion.js';
import { DeliveryPlanner } from './delivery-planner.js';
import { DryRun } from './dry-run.js';
import { EndedSessions } from './ended-sessions.js';
import { ExpiryClock } from './expiry-clock.js';
import { HELD_SESSION, heldSessionSchema } from './held-session.schema.js';
import { HeldSessions } from './held-sessions.js';
import { ListTiming } from './list-timing.js';
import { PageCompleter } from './page-completer.js';
import { Quarantine } from './quarantine.js';
import { QUARANTINED_SESSION, quarantinedSessionSchema } from './quarantine.schema.js';
import { Refusals } from './refusals.js';
import { SessionOutlooks } from './session-outlooks.js';
import { SessionLists } from './session-lists.js';
import { SessionPages } from './session-pages.js';
import { Shares } from './shares.js';
import { TenantProblems } from './tenant-problems.js';
import { Recovery } from './recovery.js';
import { SessionCheckScheduler } from './session-check.scheduler.js';
import { SessionCheck } from './session-check.service.js';
import { SessionCompleter } from './session-completer.js';
import { SessionEvents } from './session-events.js';
import { TenantScanner } from './tenant-scanner.js';

/** Finds the sessions that have ended and has them completed, on a schedule. */
@Module({
  imports: [
    MongooseModule.forFeature([
      { name: CHECK_RECORD, schema: checkRecordSchema },
      { name: HELD_SESSION, schema: heldSessionSchema },
      { name: QUARANTINED_SESSION, schema: quarantinedSessionSchema },
    ]),
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
    CheckAlerts,
    CheckHistory,
    CheckProblems,
    CompletionBatches,
    CompletionPace,
    CoreCompletion,
    DeliveryPlanner,
    DryRun,
    EndedSessions,
    ExpiryClock,
    HeldSessions,
    ListTiming,
    PaceTimer,
    PageCompleter,
    Quarantine,
    Recovery,
    Refusals,
    SessionCheck,
    SessionCheckScheduler,
    SessionCompleter,
    SessionEvents,
    SessionLists,
    SessionOutlooks,
    SessionPages,
    Shares,
    TenantProblems,
    TenantScanner,
  ],
  exports: [
    CheckHistory,
    CheckProblems,
    DryRun,
    ExpiryClock,
    ListTiming,
    Quarantine,
    SessionCheckScheduler,
    SessionEvents,
    SessionOutlooks,
    TenantProblems,
  ],
})
export class SessionsModule {}
