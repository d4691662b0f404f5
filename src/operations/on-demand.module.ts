import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { NlpPipelinesModule } from '../nlp-pipelines/nlp-pipelines.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { OnDemandController } from './on-demand.controller.js';
import { OnDemandService } from './on-demand.service.js';

/** What moderators may have done at once: session checks, dry runs of them, pipeline checks. */
@Module({
  imports: [AuthModule, NlpPipelinesModule, SessionsModule],
  controllers: [OnDemandController],
  providers: [OnDemandService],
})
export class OnDemandModule {}
