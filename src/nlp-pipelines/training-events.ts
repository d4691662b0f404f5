import { Injectable } from '@nestjs/common';

/**
 * `trained`, `failed`, `timed-out` how a training ended; `gone` the pipeline was deleted; `left-alone` it needs none any
 * more, or another party trains it; `interrupted` this process stops, and another follows it up; `lost` its lease is
 * another's; `unasked` a crash came before hbf-core was asked, so the next check trains it.
 */
export type TrainingOutcome =
  'trained' | 'failed' | 'timed-out' | 'gone' | 'left-alone' | 'interrupted' | 'lost' | 'unasked';

/** What came of one pipeline in one pipeline check. */
export interface TrainingResult {
  pipelineId: string;
  name?: string;
  tenantId?: string;
  organizationId?: string;
  nlpService?: string;
  trainingGroup?: string;
  outcome: TrainingOutcome;
  /** Follows up a training that was begun before a restart. */
  resumed: boolean;
  /** Since it was begun, a restart in between included. */
  durationMs: number;
  /** Of a failed one. */
  code?: string;
  failures?: number;
  nextAttemptAt?: Date;
}

/** Tells listeners (metrics) what came of every pipeline that was looked at. */
@Injectable()
export class TrainingEvents {
  private readonly listeners: ((result: TrainingResult) => void)[] = [];

  listen(listener: (result: TrainingResult) => void): void {
    this.listeners.push(listener);
  }

  onFinished(result: TrainingResult): void {
    for (const listener of this.listeners) listener(result);
  }
}
