import { Injectable } from '@nestjs/common';
import { Clock } from '../persistence/clock.js';
import { serviceOf } from './delivery.js';
import { DestinationRepository } from './destination.repository.js';
import { DueAlarm } from './due-alarm.js';

/** Makes open circuits probe at once, where an administrator has reason to think that the destination works again. */
@Injectable()
export class CircuitProbes {
  constructor(
    private readonly clock: Clock,
    private readonly destinations: DestinationRepository,
    private readonly alarm: DueAlarm,
  ) {}

  /**
   * The next delivery of each destination that is due is sent as its probe: by this process at once, by another replica
   * as soon as it looks. A probe that fails opens the circuit again for longer, as always; one that was under way before
   * is followed by another at once. Closed circuits stay as they are. Call it after what is to be sent has become due.
   *
   * @param destinations their services' circuits probe too
   */
  async probeNow(destinations: readonly string[]): Promise<void> {
    if (destinations.length === 0) return;
    const ids = new Set([...destinations, ...destinations.flatMap((one) => serviceOf(one) ?? [])]);
    await this.destinations.askForProbes([...ids], new Date(this.clock.now()));
    this.alarm.setForNow();
  }
}
