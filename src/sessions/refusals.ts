import { Injectable } from '@nestjs/common';
import { Quarantine } from './quarantine.js';

/** Checks in which hbf-core refuses a session that has no other beside it, and completes others. */
const MAX_LONE_REFUSALS = 3;
const REMEMBERED = 10_000;
const REFUSED = 'hbf-core refuses to complete it';

/** Sessions that hbf-core refuses to complete and shows as ACTIVE: when they are put in quarantine. */
@Injectable()
export class Refusals {
  private readonly lone = new Map<string, number>();

  constructor(private readonly quarantine: Quarantine) {}

  /**
   * @param patched hbf-core has completed others in this check: without that, it may refuse everything for a while, and
   *   the session is not to blame
   * @param alone it was told of by itself: only several checks show that it is the session
   */
  note(sessionId: string, tenantId: string, { patched, alone }: { patched: boolean; alone: boolean }): void {
    if (!patched) return;
    const refusals = (this.lone.get(sessionId) ?? 0) + 1;
    this.lone.delete(sessionId);
    if (alone && refusals < MAX_LONE_REFUSALS) {
      this.lone.set(sessionId, refusals);
      if (this.lone.size > REMEMBERED) this.lone.delete(this.lone.keys().next().value!);
    } else {
      this.quarantine.add(sessionId, tenantId, REFUSED);
    }
  }
}
