import { Module } from '@nestjs/common';
import { IntegrationsStoreModule } from '../integrations/integrations.store.module.js';
import { IntegrationNotifications } from './integration-notifications.js';
import { MailComposer } from './mail-composer.js';
import { MailOutbox } from './mail-outbox.js';
import { MailWorker } from './mail-worker.js';
import { Mailer } from './mailer.js';
import { OperatorAlerts } from './operator-alerts.js';
import { QueuedOperatorAlerts } from './queued-operator-alerts.js';

/**
 * Mails to integrations' recipients and to the operators. WaitingDeliveries comes from a global module, as the
 * deliveries feature that knows the answer uses this one.
 */
@Module({
  imports: [IntegrationsStoreModule],
  providers: [
    IntegrationNotifications,
    MailComposer,
    MailOutbox,
    MailWorker,
    Mailer,
    { provide: OperatorAlerts, useClass: QueuedOperatorAlerts },
  ],
  exports: [IntegrationNotifications, MailOutbox, MailWorker, OperatorAlerts],
})
export class NotificationsModule {}
