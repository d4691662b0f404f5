import { stubOf } from '../../test/support/stub.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { HeldWork } from '../completions/held-work.js';
import { Heartbeat, type MembersChange } from '../persistence/heartbeat.js';
import { Adoption } from './adoption.js';
import { Recovery } from './recovery.js';
import { SessionCheckScheduler } from './session-check.scheduler.js';

/** What an adoption does, in order, and a heartbeat that a test speaks for. */
class Journal {
  readonly steps: string[] = [];
  tellGone: (startId: string) => void = () => undefined;
  tellMembers: (change: MembersChange) => void = () => undefined;
  failing = '';

  build(intervalMins = '5'): Adoption {
    const heartbeat = stubOf(Heartbeat, {
      listenToGone: (listener) => (this.tellGone = listener),
      listenToMembers: (listener) => (this.tellMembers = listener),
      remove: (startId) => this.step(`remove ${startId}`),
    });
    const held = stubOf(HeldWork, {
      freeOf: (startId) => this.step(`free ${startId}`).then(() => ({ intents: 1, deliveries: 2 })),
    });
    const recovery = stubOf(Recovery, { run: () => this.step('recover').then(() => 1) });
    const scheduler = stubOf(SessionCheckScheduler, { runAnew: () => void this.steps.push('check') });
    return new Adoption(testConfig({ CHAT_SESSION_CHECK_INTERVAL_IN_MINS: intervalMins }), heartbeat, held, recovery, scheduler); // prettier-ignore
  }

  private async step(name: string): Promise<void> {
    this.steps.push(name);
    await Promise.resolve();
    if (name === this.failing) throw new Error(`${name} failed`);
  }
}

describe('adoption', () => {
  let journal: Journal;
  beforeEach(() => (journal = new Journal()));

  it('frees first, then removes, then recovers: a crash in between is begun again by the next beat', async () => {
    await journal.build().adopt('s1');
    expect(journal.steps).toEqual(['free s1', 'remove s1', 'recover']);
  });

  it('leaves the start among the members when freeing failed, and begins again when it is told again', async () => {
    const adoption = journal.build();
    journal.failing = 'free s1';
    await adoption.adopt('s1');
    journal.failing = '';
    await adoption.adopt('s1');
    expect(journal.steps).toEqual(['free s1', 'free s1', 'remove s1', 'recover']);
  });

  it('of one start is done once at a time, also when it is told at each beat', async () => {
    const adoption = journal.build();
    journal.tellGone('s1');
    journal.tellGone('s1');
    await adoption.adopt('s2');
    expect(journal.steps.filter((step) => step.startsWith('free'))).toEqual(['free s1', 'free s2']);
  });

  it('has a check begin when somebody left, as the share has grown, and not when somebody joined', () => {
    journal.build();
    journal.tellMembers({ joined: ['s1'], left: [] });
    expect(journal.steps).toEqual([]);
    journal.tellMembers({ joined: [], left: ['s1'] });
    expect(journal.steps).toEqual(['check']);
  });

  it('completes nothing in a process whose session check is switched off', async () => {
    await journal.build('0').adopt('s1');
    expect(journal.steps).toEqual(['free s1', 'remove s1']);
  });
});
