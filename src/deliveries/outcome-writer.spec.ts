import { type Completion, type Delivery, newDelivery } from './completion.js';
import type { CompletionRepository } from './completion.repository.js';
import type { DestinationRepository } from './destination.repository.js';
import type { DetectionRepository } from './detection.repository.js';
import type { IntegrationErrorRepository } from './integration-error.repository.js';
import { type DetectedPage, OutcomeWriter } from './outcome-writer.js';

/** The repositories a writer needs; each write waits until the test lets it end. */
class Journal {
  readonly writes: string[][] = [];
  failures = 0;
  private readonly gates: (() => void)[] = [];

  /** What was removed of the detections: sessions, and whole leases. */
  readonly removed: string[] = [];
  readonly detections = {
    remove: (sessions: Completion[]) => Promise.resolve(this.removed.push(...sessions.map(({ _id }) => _id))),
    removePages: (leases: string[]) => Promise.resolve(this.removed.push(...leases)),
  } as unknown as DetectionRepository;
  readonly completions = {
    add: (completed: unknown[]) => this.write(completed.map(() => 'first outcomes')).then(() => new Set()),
    write: (operations: unknown[]) => this.write(operations.map(() => 'settlement')),
    closePaid: () => (this.failures-- > 0 ? Promise.reject(new Error('the database is away')) : Promise.resolve()),
  } as unknown as CompletionRepository;
  readonly destinations = { announce: () => Promise.resolve() } as unknown as DestinationRepository;
  readonly errors = { add: () => Promise.resolve() } as unknown as IntegrationErrorRepository;

  private async write(outcomes: string[]): Promise<number> {
    this.writes.push(outcomes);
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return 0;
  }

  /** Ends the writes as they come, until nothing more is under way. */
  async letAllEnd(done: Promise<void>): Promise<void> {
    const timer = setInterval(() => this.gates.splice(0).forEach((open) => open()), 1);
    await done;
    clearInterval(timer);
  }
}

const delivered: Delivery = { ...newDelivery('flow'), state: 'delivered' };
const completion = { _id: 's1', lease: 'l1' } as Completion;

describe('OutcomeWriter', () => {
  let journal: Journal;
  let writer: OutcomeWriter;

  beforeEach(() => {
    journal = new Journal();
    writer = new OutcomeWriter(journal.detections, journal.completions, journal.destinations, journal.errors);
  });

  it('lets no settlement overtake the first outcomes that a slow database is still writing', async () => {
    writer.handOver(completion, [delivered], new Date());
    const first = writer.flush();
    writer.settle('s1', 'l1', delivered);
    const second = writer.flush();
    await new Promise((resolve) => setImmediate(resolve));
    expect(journal.writes).toEqual([['first outcomes']]);
    await journal.letAllEnd(Promise.all([first, second]).then(() => undefined));
    expect(journal.writes).toEqual([['first outcomes'], ['settlement']]);
  });

  it('writes first outcomes before settlements that came in with them', async () => {
    writer.settle('s0', 'l0', delivered);
    writer.handOver(completion, [delivered], new Date());
    writer.settle('s1', 'l1', delivered);
    await journal.letAllEnd(writer.flush());
    expect(journal.writes).toEqual([['first outcomes'], ['settlement', 'settlement']]);
  });

  it('removes a detected page when the last of it is written, and what is of no page at once', async () => {
    const handOver = async (id: string, lease: string, page?: DetectedPage) => {
      writer.handOver({ ...completion, _id: id, lease }, [delivered], new Date(), page);
      await journal.letAllEnd(writer.flush());
      return journal.removed.splice(0);
    };
    const page = { left: 2 };
    expect(await handOver('s1', 'l1', page)).toEqual([]);
    expect(await handOver('s2', 'l2')).toEqual(['s2']);
    expect(await handOver('s3', 'l1', page)).toEqual(['l1']);
  });

  it('does not repeat what is written when a later step fails', async () => {
    journal.failures = 1;
    writer.settle('s1', 'l1', delivered);
    await journal.letAllEnd(writer.flush());
    expect(journal.writes).toEqual([['settlement']]);
    expect(writer.lost).toBe(0);
  });
});
