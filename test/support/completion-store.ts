import mongoose, { type Connection } from 'mongoose';
import type { Completion } from '../../src/completions/completion.js';
import { CompletionRepository } from '../../src/completions/completion.repository.js';
import { COMPLETION, completionSchema } from '../../src/completions/completion.schema.js';
import { DeliveryHistory } from '../../src/completions/delivery-history.js';
import { DestinationRepository } from '../../src/completions/destination.repository.js';
import { type Destination, DESTINATION, destinationSchema } from '../../src/completions/destination.schema.js';
import { CircuitProbes } from '../../src/completions/circuit-probes.js';
import { DueAlarm } from '../../src/completions/due-alarm.js';
import { DueTimesWriter } from '../../src/completions/due-times.js';
import { ForgottenWork } from '../../src/completions/forgotten-work.js';
import { HeldWork } from '../../src/completions/held-work.js';
import { IntegrationErrorRepository } from '../../src/completions/integration-error.repository.js';
import {
  INTEGRATION_ERROR,
  type IntegrationError,
  integrationErrorSchema,
} from '../../src/completions/integration-error.schema.js';
import { IntentRepository } from '../../src/completions/intent.repository.js';
import { type Intent, INTENT, intentSchema } from '../../src/completions/intent.schema.js';
import { OutcomeWriter } from '../../src/completions/outcome-writer.js';
import { Redelivery } from '../../src/completions/redelivery.js';
import { RedeliveryRepository } from '../../src/completions/redelivery.repository.js';
import { REDELIVERY, redeliverySchema, type RedeliveryRequest } from '../../src/completions/redelivery.schema.js';
import { Config } from '../../src/config/config.js';
import { Database } from '../../src/persistence/database.js';
import { Clock } from '../../src/persistence/clock.js';
import { stubOf } from './stub.js';

/** The completions room over one connection, put together as CompletionsModule does it. */
export class CompletionStore {
  readonly completions: CompletionRepository;
  readonly destinations: DestinationRepository;
  readonly errors: IntegrationErrorRepository;
  readonly forgotten: ForgottenWork;
  readonly held: HeldWork;
  readonly history: DeliveryHistory;
  readonly intents: IntentRepository;
  readonly redelivery: Redelivery;
  readonly redeliveries: RedeliveryRepository;
  readonly writer: OutcomeWriter;

  constructor(
    readonly connection: Connection,
    clock = new Clock(),
  ) {
    const completion = connection.model<Completion>(COMPLETION, completionSchema);
    const destination = connection.model<Destination>(DESTINATION, destinationSchema);
    const error = connection.model<IntegrationError>(INTEGRATION_ERROR, integrationErrorSchema);
    const intent = connection.model<Intent>(INTENT, intentSchema);
    this.completions = new CompletionRepository(completion);
    this.destinations = new DestinationRepository(destination);
    this.errors = new IntegrationErrorRepository(error);
    this.intents = new IntentRepository(intent, this.completions);
    this.history = new DeliveryHistory(completion, this.intents);
    const alarm = new DueAlarm(clock);
    const dueTimes = new DueTimesWriter(this.destinations, alarm);
    this.forgotten = new ForgottenWork(stubOf(Database, {}), this.completions, this.destinations, alarm);
    this.held = new HeldWork(clock, this.intents, this.completions, dueTimes);
    this.redelivery = new Redelivery(
      new Config(),
      clock,
      this.completions,
      this.history,
      dueTimes,
      new CircuitProbes(clock, this.destinations, alarm),
    );
    this.redeliveries = new RedeliveryRepository(connection.model<RedeliveryRequest>(REDELIVERY, redeliverySchema));
    this.writer = new OutcomeWriter(this.intents, this.completions, dueTimes, this.errors);
  }

  /** Opens a connection of its own; `close` ends it. */
  static async open(uri: string): Promise<CompletionStore> {
    return new CompletionStore(await mongoose.createConnection(uri, { autoIndex: false }).asPromise());
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}
