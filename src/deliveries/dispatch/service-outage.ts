import type { DeliveryResult } from '../../completions/transitions.js';

/** So many failures in a row, of so many destinations, before a service counts as away. */
const FAILURES = 5;
const DESTINATIONS = 3;
/** No connection came about: refused, no such host, no route, or (ETIMEDOUT) connecting took too long. */
const UNREACHABLE = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'];

export function isUnreachable(result: DeliveryResult): boolean {
  return result.result === 'failed' && result.statusCode === undefined && UNREACHABLE.includes(result.code);
}

/**
 * Whether one of the platform's services cannot be reached at all. What fails after a connection came about (a slow flow,
 * a 500) is one tenant's matter: any such attempt, and any success, begins the count anew.
 */
export class ServiceOutage {
  private failures = 0;
  private readonly destinations = new Set<string>();

  /** @returns whether the service counts as away by now; then the count begins anew */
  note(destination: string, result: DeliveryResult): boolean {
    if (result.result !== 'delivered' && result.result !== 'failed') return false;
    if (!isUnreachable(result)) {
      this.clear();
      return false;
    }
    this.failures++;
    this.destinations.add(destination);
    const isAway = this.failures >= FAILURES && this.destinations.size >= DESTINATIONS;
    if (isAway) this.clear();
    return isAway;
  }

  private clear(): void {
    this.failures = 0;
    this.destinations.clear();
  }
}
