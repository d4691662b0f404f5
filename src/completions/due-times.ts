import { Injectable } from '@nestjs/common';
import type { Delivery } from './delivery.js';
import { DestinationRepository } from './destination.repository.js';
import { DueAlarm } from './due-alarm.js';

/** When something of each destination falls due, the earliest of each. */
export class DueTimes {
  readonly byDestination = new Map<string, Date>();

  /** Takes in a delivery; one that is not pending has no due time. */
  note({ destination, state, dueAt }: Delivery): void {
    if (state === 'pending' && dueAt) this.add(destination, dueAt);
  }

  add(destination: string, dueAt: Date): void {
    const known = this.byDestination.get(destination);
    if (!known || dueAt < known) this.byDestination.set(destination, dueAt);
  }
}

/** Makes every write that gives deliveries a due time. */
@Injectable()
export class DueTimesWriter {
  constructor(
    private readonly destinations: DestinationRepository,
    private readonly alarm: DueAlarm,
  ) {}

  /**
   * Announces the due times, makes the write, announces them again and wakes the retry worker. Announced before, so that
   * a crash in between leaves a destination that is looked at for nothing, never a delivery that nobody looks for. Again
   * after, because a retry worker that looked in between found nothing due and may have cleared the announcement.
   */
  async around<T>({ byDestination }: DueTimes, write: () => Promise<T>): Promise<T> {
    if (byDestination.size === 0) return write();
    await this.destinations.announce(byDestination);
    const result = await write();
    await this.destinations.announce(byDestination);
    for (const dueAt of byDestination.values()) this.alarm.setFor(dueAt);
    return result;
  }

  /** As `around`, for one destination. */
  aroundOne<T>(destination: string, dueAt: Date, write: () => Promise<T>): Promise<T> {
    const dueTimes = new DueTimes();
    dueTimes.add(destination, dueAt);
    return this.around(dueTimes, write);
  }
}
