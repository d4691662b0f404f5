import { Module } from '@nestjs/common';
import { WebhookClient } from './webhook-client.js';

/** HTTP to customers' webhooks. */
@Module({ providers: [WebhookClient], exports: [WebhookClient] })
export class WebhooksModule {}
