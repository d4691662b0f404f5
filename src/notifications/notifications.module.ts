import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { CompletionsModule } from '../completions/completions.module.js';
import { IntegrationsModule } from '../integrations/integrations.module.js';
import { IntegrationNotifications } from './integration-notifications.js';
import { MailComposer } from './mail-composer.js';
import { MailOutbox } from './mail-outbox.js';
import { MailWorker } from './mail-worker.js';
import { MAIL, mailSchema } from './mail.schema.js';
import { Mailer } from './mailer.js';
import { OperatorAlerts } from './operator-alerts.js';
import { QueuedOperatorAlerts } from './queued-operator-alerts.js';

/** Mails to integrations' recipients and to the operators. */
@Module({
  imports: [MongooseModule.forFeature([{ name: MAIL, schema: mailSchema }]), CompletionsModule, IntegrationsModule],
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
