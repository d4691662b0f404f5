import type { OutcomeWriter } from '../completions/outcome-writer.js';
import type { LaneJob } from './dispatch/lane.js';

/** A delivery that may end the process: it runs with nothing beside it, and what it may take along is written first. */
export class PoisonJob implements LaneJob {
  readonly alone = true;

  /** @param begin notes in the database that it runs now; false: it may not, the claim is another's by now */
  constructor(
    private readonly job: LaneJob,
    private readonly begin: () => Promise<boolean>,
    private readonly writer: OutcomeWriter,
  ) {}

  get destination(): string {
    return this.job.destination;
  }

  get first(): boolean {
    return this.job.first;
  }

  async run(): Promise<void> {
    if (!(await this.begin())) return this.reject();
    await this.job.run();
    await this.writer.flush(); // or the next one, if it ends the process, would take this outcome along
  }

  reject(): void {
    this.job.reject();
  }
}
