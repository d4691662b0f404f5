import { Injectable } from '@nestjs/common';
import type { PlatformErrorKind, PlatformService } from './platform-error.js';

/** One try of one call to a service of the platform. */
export interface PlatformCall {
  service: PlatformService;
  /** The template, such as `/chat-sessions/{id}`: a bounded set of values, fit for a metric's label. */
  route: string;
  /** The HTTP status; or, without an answer that could be used, the kind of error. */
  outcome: number | PlatformErrorKind;
  durationMs: number;
}

/** Passes every try of every call to its listeners (metrics). */
@Injectable()
export class PlatformCalls {
  private readonly listeners: ((call: PlatformCall) => void)[] = [];

  listen(listener: (call: PlatformCall) => void): void {
    this.listeners.push(listener);
  }

  onCall(call: PlatformCall): void {
    for (const listener of this.listeners) listener(call);
  }
}
