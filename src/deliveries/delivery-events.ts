import { Injectable } from '@nestjs/common';
import type { Channel, DeliveryState } from '../completions/delivery.js';
import type { DeliveryResult } from '../completions/transitions.js';
import type { LeftOutSurveys } from '../platform/core/session-surveys.js';

/** What came of one claimed delivery. */
export interface AttemptedDelivery {
  channel: Channel;
  result: DeliveryResult['result'];
  /** As it stands afterwards; `pending` is tried again. */
  state: DeliveryState;
  /** Somebody had asked to send it again. */
  redelivered: boolean;
  /** Absent where nothing was sent. */
  durationMs?: number;
  /** From the session's completion to its delivery; absent unless delivered, or when an admin asked to send again. */
  latencyMs?: number;
}

export type CircuitChange = 'opened' | 'closed';

/** Tells listeners (metrics) what comes of deliveries, how circuits change and what is left out, as seen by this process. */
@Injectable()
export class DeliveryEvents {
  private readonly attemptListeners: ((attempted: AttemptedDelivery) => void)[] = [];
  private readonly circuitListeners: ((change: CircuitChange) => void)[] = [];
  private readonly leftOutListeners: ((surveys: LeftOutSurveys) => void)[] = [];

  listenToAttempts(listener: (attempted: AttemptedDelivery) => void): void {
    this.attemptListeners.push(listener);
  }

  listenToCircuits(listener: (change: CircuitChange) => void): void {
    this.circuitListeners.push(listener);
  }

  listenToLeftOutSurveys(listener: (surveys: LeftOutSurveys) => void): void {
    this.leftOutListeners.push(listener);
  }

  onAttempted(attempted: AttemptedDelivery): void {
    for (const listener of this.attemptListeners) listener(attempted);
  }

  onCircuit(change: CircuitChange): void {
    for (const listener of this.circuitListeners) listener(change);
  }

  onSurveysLeftOut(surveys: LeftOutSurveys): void {
    for (const listener of this.leftOutListeners) listener(surveys);
  }
}
