import { Injectable, Logger } from '@nestjs/common';
import { OperatorAlerts } from '../notifications/operator-alerts.js';
import { Clock } from '../persistence/clock.js';
import { CoreClock } from '../platform/core/core-clock.js';

const APART_MS = 60_000;
const LOOK_AGAIN_MS = 60_000;

/** How far two clocks are ahead of this process' own, in milliseconds. */
export interface ClockOffsets {
  database: number;
  /** Undefined: hbf-core has told no time within ten minutes. */
  core: number | undefined;
}

/**
 * The time by which it is judged whether a session has ended. hbf-core stamps the sessions by its own clock, which
 * therefore must have reached the time; but one clock that is ahead must end no session that is in use, and the
 * database's or this machine's that is behind must not keep all of them open.
 */
@Injectable()
export class ExpiryClock {
  private readonly logger = new Logger(ExpiryClock.name);
  private lookedAt = -Infinity;
  private apart = false;

  constructor(
    private readonly clock: Clock,
    private readonly coreClock: CoreClock,
    private readonly alerts: OperatorAlerts,
  ) {}

  /**
   * The earlier one of hbf-core's time and the median of the three clocks: hbf-core's, the database's and this process'.
   * While hbf-core tells no time, the earlier one of the other two. To be asked after hbf-core has answered something.
   *
   * Tells the log and the operators (once an hour at most) when two of them are more than a minute apart.
   *
   * @returns epoch milliseconds
   */
  now(): number {
    const own = Date.now();
    const offsets = this.offsetsAt(own);
    this.look(offsets);
    return own + earliestToTrust(offsets);
  }

  /** For the metrics. */
  offsets(): ClockOffsets {
    return this.offsetsAt(Date.now());
  }

  private offsetsAt(own: number): ClockOffsets {
    const core = this.coreClock.now();
    return { database: this.clock.steadyNow() - own, core: core === undefined ? undefined : core - own };
  }

  private look(offsets: ClockOffsets): void {
    const at = performance.now();
    if (at - this.lookedAt < LOOK_AGAIN_MS) return;
    this.lookedAt = at;
    const known = knownOf(offsets);
    const apartMs = Math.max(...known) - Math.min(...known);
    const was = this.apart;
    this.apart = apartMs > APART_MS;
    const facts = { apartMs, databaseOffsetMs: offsets.database, coreOffsetMs: offsets.core };
    if (this.apart && !was) this.logger.warn(facts, 'clocks.apart');
    if (!this.apart && was) this.logger.log(facts, 'clocks.agree');
    if (this.apart) void this.alert(offsets, apartMs);
  }

  private alert({ database, core }: ClockOffsets, apartMs: number): Promise<void> {
    return this.alerts.raise({
      kind: 'clocks-apart',
      key: 'clocks',
      subject: `The clocks of hbf-core, the database and this service are ${Math.round(apartMs / 1000)} s apart`,
      details: {
        "hbf-core, compared with this service's clock": core === undefined ? 'not known' : seconds(core),
        "The database, compared with this service's clock": seconds(database),
        'What to do': 'set the clock that is wrong; sessions are ended by the earlier ones, so some may end late',
      },
    });
  }
}

function earliestToTrust(offsets: ClockOffsets): number {
  const [first = 0, second = 0] = knownOf(offsets).sort((a, b) => a - b);
  return offsets.core === undefined ? first : Math.min(offsets.core, second);
}

/** This process' own clock among them. */
function knownOf({ database, core }: ClockOffsets): number[] {
  return core === undefined ? [0, database] : [0, database, core];
}

function seconds(ms: number): string {
  return `${ms < 0 ? '−' : '+'}${Math.abs(Math.round(ms / 1000))} s`;
}
