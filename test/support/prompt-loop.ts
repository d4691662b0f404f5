import { EventLoopDelay } from '../../src/deliveries/dispatch/event-loop-delay.js';
import { stubOf } from './stub.js';

/** An event loop that is late only when the test says so. */
export function promptLoop(lateMs = 0): EventLoopDelay {
  return stubOf(EventLoopDelay, { start: () => undefined, stop: () => undefined, lateMs });
}
