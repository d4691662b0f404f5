import { HOUR_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';
import { TrainingWorld } from '../fixtures/trainings.js';

let world: TrainingWorld;

beforeEach(async () => {
  world = await TrainingWorld.start('interrupted-trainings');
});

afterEach(async () => {
  await world.stop();
  expect(world.platform.violations).toEqual([]);
});

describe('a training that a restart interrupted', () => {
  beforeEach(() => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    world.pipelines.plan = { stillOutdatedPolls: 1, trainingPolls: 1e9, atLeastMs: 0, end: 'READY' };
  });

  async function interrupted(): Promise<void> {
    const before = await world.startReplica();
    const running = before.checks.run();
    await world.underWay();
    await waitFor('the training to be seen', () => world.statusOf('p1') === 'TRAINING');
    await world.stopReplica(before);
    expect((await running).outcomes).toEqual({ interrupted: 1 });
  }

  it('is followed up by the next check, which does not train again', async () => {
    await interrupted();
    const after = await world.startReplica();
    const record = await world.trainings.findOne({ _id: 'p1' });
    const running = after.checks.run();
    await waitFor('a look of the new process', () =>
      world.leases.findOne({ _id: 'training:pipeline:p1', until: { $gt: new Date() } }),
    );
    Object.assign(world.pipelines.peek('p1')!, { status: 'READY' });
    world.platform.core.server.fault({
      kind: 'body',
      route: 'GET /nlp-pipelines/{id}',
      body: { id: 'p1', status: 'READY' },
    });
    expect(await running).toMatchObject({ outdated: 0, unfinished: 1, outcomes: { trained: 1 } });
    expect(world.trainedIds).toEqual(['p1']);
    expect(after.results[0]).toMatchObject({ resumed: true, outcome: 'trained' });
    expect(await world.trainings.findOne({ _id: 'p1' })).toMatchObject({
      startedAt: record!.startedAt,
      state: 'trained',
    });
  });

  it('gets no more time than before the restart', async () => {
    await interrupted();
    await world.age(HOUR_MS); // longer than a training may take
    const after = await world.startReplica();
    expect((await after.checks.run()).outcomes).toEqual({ 'timed-out': 1 });
    expect(world.alerts).toHaveLength(1);
  });

  it('is left alone until the lease of a killed process has passed', async () => {
    await interrupted();
    await world.age(HOUR_MS); // longer than a training may take
    const after = await world.startReplica();
    const _id = 'training:pipeline:p1';
    await world.leases.replaceOne(
      { _id },
      { owner: 'killed', until: new Date(Date.now() + HOUR_MS) },
      { upsert: true },
    );
    expect(await after.checks.run()).toMatchObject({ unfinished: 1, heldElsewhere: 1, outcomes: {} });
    await world.age(HOUR_MS);
    expect((await after.checks.run()).outcomes).toEqual({ 'timed-out': 1 });
    expect(world.trainedIds).toEqual(['p1']);
  });

  it('is trained at the next check when a crash came before it was asked for', async () => {
    world.pipelines.plan = { stillOutdatedPolls: 0, trainingPolls: 0, atLeastMs: 0, end: 'READY' };
    const after = await world.startReplica();
    const { lastTrainedAt, updatedAt } = world.pipelines.peek('p1')! as Record<string, string>;
    await world.trainings.insertOne({
      _id: 'p1',
      state: 'training',
      startedAt: new Date(0),
      pollUntil: new Date(0),
      statusBefore: 'OUTDATED',
      lastTrainedAtBefore: new Date(lastTrainedAt!),
      pipelineUpdatedAt: new Date(updatedAt!),
      failures: 2,
    });
    expect((await after.checks.run()).outcomes).toEqual({ unasked: 1 });
    expect(await world.trainings.findOne({ _id: 'p1' })).toMatchObject({ lastError: 'never_asked', failures: 2 });
    expect(world.alerts).toEqual([]);
    expect((await after.checks.run()).outcomes).toEqual({ trained: 1 });
    expect(world.trainedIds).toEqual(['p1']);
  });
});
