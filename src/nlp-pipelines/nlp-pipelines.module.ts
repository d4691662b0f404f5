import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { PipelineCheckScheduler } from './pipeline-check.scheduler.js';
import { PipelineCheckService } from './pipeline-check.service.js';
import { PipelineTrainer } from './pipeline-trainer.js';
import { TrainingEvents } from './training-events.js';
import { TrainingRepository } from './training.repository.js';
import { TRAINING, trainingSchema } from './training.schema.js';

/** Trains NLP pipelines that are out of date. */
@Module({
  imports: [
    MongooseModule.forFeature([{ name: TRAINING, schema: trainingSchema }]),
    NotificationsModule,
    PlatformModule,
  ],
  providers: [PipelineCheckScheduler, PipelineCheckService, PipelineTrainer, TrainingEvents, TrainingRepository],
  exports: [PipelineCheckService, TrainingEvents],
})
export class NlpPipelinesModule {}
