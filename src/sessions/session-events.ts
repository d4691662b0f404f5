import { Injectable } from '@nestjs/common';
import type { CheckFigures } from './check-figures.js';

/** How one session check ended. */
export interface FinishedCheck {
  /** Absent when it failed as a whole. */
  figures?: CheckFigures;
  durationMs: number;
}

/** Tells listeners (metrics) of every session check and of every session that it completed. */
@Injectable()
export class SessionEvents {
  private readonly checkListeners: ((check: FinishedCheck) => void)[] = [];
  private readonly completionListeners: ((latenessMs: number) => void)[] = [];

  listenToChecks(listener: (check: FinishedCheck) => void): void {
    this.checkListeners.push(listener);
  }

  /** @param listener is given how long after it had ended by its rule a session was completed */
  listenToCompletions(listener: (latenessMs: number) => void): void {
    this.completionListeners.push(listener);
  }

  onCheckFinished(check: FinishedCheck): void {
    for (const listener of this.checkListeners) listener(check);
  }

  onCompleted(latenessMs: number): void {
    for (const listener of this.completionListeners) listener(latenessMs);
  }
}
