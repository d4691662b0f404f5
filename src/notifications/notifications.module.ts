import { Module } from '@nestjs/common';
import { DeliveriesStoreModule } from '../deliveries/deliveries.store.module.js';
import { IntegrationsStoreModule } from '../integrations/integrations.store.module.js';
import { IntegrationNotifications } from './integration-notifications.js';
import { MailComposer } from './mail-composer.js';
import { MailOutbox } from './mail-outbox.js';
import { MailWorker } from './mail-worker.js';
import { Mailer } from './mailer.js';
import { OperatorAlerts } from './operator-alerts.js';
import { QueuedOperatorAlerts } from './queued-operator-alerts.js';

/** Mails to integrations' recipients and to the operators. */
@Module({
  imports: [DeliveriesStoreModule, IntegrationsStoreModule],
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
