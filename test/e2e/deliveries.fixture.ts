import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Collection, Db } from 'mongodb';
import type { Completion, Delivery } from '../../src/deliveries/completion.js';
import type { Destination } from '../../src/deliveries/destination.repository.js';
import type { IntegrationError } from '../../src/deliveries/integration-error.repository.js';
import { OutcomeWriter } from '../../src/deliveries/outcome-writer.js';
import { detectionsOf } from '../support/completions.js';
import { waitFor } from '../support/wait-for.js';
import type { Round } from './round.fixture.js';

/** What is owed to `destination` in that completion. @throws Error when nothing of the kind was planned */
export function deliveryOf(completion: Completion | undefined, destination: string): Delivery {
  const delivery = completion?.deliveries.find((one) => one.destination === destination);
  if (!delivery) throw new Error(`${completion?._id} has no delivery for ${destination}`);
  return delivery;
}

/** Waits until the delivery is as `fits` says. @returns it */
export async function deliveryWhen(
  round: { all(): Promise<Map<string, Completion>> },
  [completionId, destination]: readonly [completionId: string, destination: string],
  fits: (delivery: Delivery) => boolean,
): Promise<Delivery> {
  const what = `${destination} of ${completionId}`;
  return waitFor(what, async () => {
    const delivery = deliveryOf((await round.all()).get(completionId), destination);
    return fits(delivery) ? delivery : undefined;
  });
}

/** The errors that an integration's admin would see, oldest first. */
export async function integrationErrors(db: Db, integrationId = 1): Promise<IntegrationError[]> {
  const errors = db.collection<IntegrationError>('integration-errors');
  return errors.find({ integrationId }).sort({ at: 1 }).toArray();
}

/** `letTimePass`, and this process looks at once instead of within five seconds. */
export async function letTimePassFor(round: Round): Promise<void> {
  await letTimePass(round.db);
  round.service.get(OutcomeWriter).onDue(new Date(0));
}

export function destinationsOf(db: Db): Collection<Destination> {
  return db.collection<Destination>('destinations');
}

/**
 * Time flies: every claim's and every completion's lease has passed, and all that is owed is due. Waiting for it would
 * take ten seconds and more.
 */
export async function letTimePass(db: Db): Promise<void> {
  const past = new Date(Date.now() - 1_000);
  const completions = db.collection<Completion>('completions');
  await detectionsOf(db).updateMany({}, { $set: { leaseUntil: past } });
  await completions.updateMany(
    { open: true, state: 'completed' },
    { $set: { 'deliveries.$[owed].dueAt': past } },
    { arrayFilters: [{ 'owed.state': 'owed' }] },
  );
  await destinationsOf(db).updateMany({}, { $set: { nextDueAt: past }, $inc: { version: 1 } });
  await db.collection('leases').deleteMany({}); // of tenants' shards; a process that was killed kept them
}

/** Sessions that ended ten minutes ago, of one tenant. */
export function addSessions(round: Pick<Round, 'addSession'>, tenantId: string, count: number): string[] {
  return Array.from({ length: count }, () => round.addSession(tenantId, 20));
}

/** A customer's endpoint that answers nobody until it is told to. */
export class HoldingReceiver {
  /** The `webhook-id` of every request, in order of arrival. */
  readonly webhookIds: string[] = [];
  private readonly held: ServerResponse[] = [];
  private holding = true;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<HoldingReceiver> {
    const server = createServer((request, response) => {
      receiver.webhookIds.push(String(request.headers['webhook-id']));
      request.resume().once('end', () => receiver.take(response));
    });
    const receiver = new HoldingReceiver(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  /** Answers 204 to all that wait, and from now on at once. */
  release(): void {
    this.holding = false;
    this.held.splice(0).forEach((response) => this.take(response));
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private take(response: ServerResponse): void {
    if (this.holding) this.held.push(response);
    else response.writeHead(204).end();
  }
}
