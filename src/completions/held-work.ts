import { Injectable } from '@nestjs/common';
import { Clock } from '../persistence/clock.js';
import { DELIVERIES_AT_ONCE } from './batches.js';
import { CompletionRepository } from './completion.repository.js';
import { DueTimes, DueTimesWriter } from './due-times.js';
import { IntentRepository } from './intent.repository.js';
import { heldBy } from './transitions.js';

/** How many intents and deliveries were freed. */
export interface FreedWork {
  intents: number;
  deliveries: number;
}

/** What one start of the service holds: the intents that it leased and the deliveries that it claimed. */
@Injectable()
export class HeldWork {
  constructor(
    private readonly clock: Clock,
    private readonly intents: IntentRepository,
    private readonly completions: CompletionRepository,
    private readonly dueTimes: DueTimesWriter,
  ) {}

  /**
   * Frees all that a start holds, when it is gone or about to end: its intents may be recovered now, its deliveries are
   * due now. Can be repeated, and done by several processes at once.
   */
  async freeOf(startId: string): Promise<FreedWork> {
    const now = new Date(this.clock.now());
    const freed: FreedWork = { intents: await this.intents.freeOf(startId, now), deliveries: 0 };
    const isHeld = heldBy(startId);
    for (;;) {
      const claimed = await this.completions.claimedBy(startId, DELIVERIES_AT_ONCE);
      if (claimed.length === 0) return freed;
      const dueTimes = new DueTimes();
      const held = claimed.flatMap(({ deliveries }) => deliveries.filter(({ token }) => token && isHeld.test(token)));
      for (const { destination } of held) dueTimes.add(destination, now);
      const ids = claimed.map(({ _id }) => _id);
      await this.dueTimes.around(dueTimes, () => this.completions.freeClaimsOf(startId, ids, now));
      freed.deliveries += held.length;
    }
  }
}
