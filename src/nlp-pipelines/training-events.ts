import { Injectable } from '@nestjs/common';

/**
 * `trained`, `failed`, `timed-out`: how a training ended. `gone`: the pipeline was deleted. `left-alone`: it needs no
 * training now, or another party trains it. `interrupted`: this process stops; another follows the training up. `lost`:
 * another owner holds the lease. `unasked`: a crash came before hbf-core was asked; the next check trains it.
 */
export type TrainingOutcome =
  'trained' | 'failed' | 'timed-out' | 'gone' | 'left-alone' | 'interrupted' | 'lost' | 'unasked';

/** The result of one pipeline in one pipeline check. */
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
  /** Since the training began, restarts included. */
  durationMs: number;
  /** Of a failed one. */
  code?: string;
  failures?: number;
  nextAttemptAt?: Date;
}

/** Passes the result of every pipeline of a check to its listeners (metrics). */
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
