import { HOUR_MS } from '../../support/time-machine.js';
import { TRAIN, TrainingWorld } from '../fixtures/trainings.js';

let world: TrainingWorld;

beforeEach(async () => {
  world = await TrainingWorld.start('failed-trainings');
});

afterEach(async () => {
  await world.stop();
  expect(world.platform.violations).toEqual([]);
});

describe('a training that fails', () => {
  it('is recorded, told to the operators once, and tried again after 1, 2, 4 … hours', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1', nlpService: 'HBF_NLP' });
    world.pipelines.plan = { stillOutdatedPolls: 1, trainingPolls: 1, atLeastMs: 0, end: 'FAILED' };
    const { checks, results } = await world.startReplica();
    for (const failures of [1, 2, 3]) {
      expect((await checks.run()).outcomes).toEqual({ failed: 1 });
      const record = (await world.trainings.findOne({ _id: 'p1' }))!;
      expect(record).toMatchObject({ state: 'failed', failures, lastError: 'training_failed' });
      const wait = record.nextAttemptAt!.getTime() - record.finishedAt!.getTime();
      expect(wait).toBe(2 ** (failures - 1) * HOUR_MS);
      expect((await checks.run()).outcomes).toEqual({}); // FAILED at hbf-core, and its backoff has not passed
      await world.age(4 * HOUR_MS);
    }
    expect(world.trainedIds).toHaveLength(3);
    expect(results.at(-1)).toMatchObject({ outcome: 'failed', code: 'training_failed', failures: 3 });
    expect(world.alerts).toHaveLength(1);
    expect(world.alerts[0]).toMatchObject({ kind: 'training-failed', key: 'p1', details: { 'trained by': 'hbf-nlp' } });
    expect(JSON.stringify([world.alerts, results, await world.trainings.find().toArray()])).not.toContain('PLANTED');
    world.pipelines.plan.end = 'READY';
    expect((await checks.run()).outcomes).toEqual({ trained: 1 });
    expect(await world.trainings.findOne({ _id: 'p1' })).toMatchObject({ state: 'trained', failures: 0 });
  });

  it('is tried again at once when the pipeline was changed', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    world.platform.core.addPipeline({ id: 'p2', tenantId: 't1' });
    world.pipelines.plan = { stillOutdatedPolls: 0, trainingPolls: 0, atLeastMs: 0, end: 'FAILED' };
    const { checks } = await world.startReplica();
    await checks.run();
    await world.trainings.updateMany({}, { $set: { failures: 5 } });
    for (const id of ['p1', 'p2']) world.pipelines.peek(id)!['status'] = 'OUTDATED';
    world.pipelines.peek('p1')!['updatedAt'] = new Date(Date.now() + 1000).toISOString();
    expect(await checks.run()).toMatchObject({ outdated: 2, backingOff: 1, outcomes: { failed: 1 } });
    expect(world.trainedIds.sort()).toEqual(['p1', 'p1', 'p2']);
    expect(await world.trainings.findOne({ _id: 'p1' })).toMatchObject({ failures: 1 });
    expect(world.alerts.map(({ key }) => key).sort()).toEqual(['p1', 'p1', 'p2']);
  });

  it('is not repeated once another party has trained the pipeline', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    world.pipelines.plan = { stillOutdatedPolls: 0, trainingPolls: 0, atLeastMs: 0, end: 'FAILED' };
    const { checks } = await world.startReplica();
    await checks.run();
    world.pipelines.peek('p1')!['status'] = 'READY';
    await world.age(4 * HOUR_MS);
    expect((await checks.run()).outcomes).toEqual({});
    expect(await world.trainings.countDocuments()).toBe(0);
  });

  it('counts as failed when it takes too long', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    world.pipelines.plan = { stillOutdatedPolls: 0, trainingPolls: 0, atLeastMs: 0, end: 'NEVER' };
    const { checks } = await world.startReplica({ NLP_PIPELINE_POLL_TIMEOUT_IN_SECS: '0.1' });
    expect((await checks.run()).outcomes).toEqual({ 'timed-out': 1 });
    expect(await world.trainings.findOne({ _id: 'p1' })).toMatchObject({ state: 'failed', lastError: 'timed_out' });
    expect(world.alerts).toHaveLength(1);
    await world.age(4 * HOUR_MS);
    expect((await checks.run()).outcomes).toEqual({}); // still TRAINING: left alone
    expect(world.trainedIds).toEqual(['p1']);
  });

  it('is recorded when its service refuses, and the other pipelines are trained', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1', nlpService: 'HBF_NLP' });
    world.platform.core.addPipeline({ id: 'p2', tenantId: 't1' });
    world.platform.nlp.server.fault({ kind: 'status', status: 503, route: TRAIN });
    const { checks } = await world.startReplica();
    expect((await checks.run()).outcomes).toEqual({ failed: 1, trained: 1 });
    expect(await world.trainings.findOne({ _id: 'p1' })).toMatchObject({ lastError: 'http_503', failures: 1 });
    expect(world.platform.nlp.server.count(TRAIN)).toBe(1); // asked once: a repetition could train twice
    expect(await checks.run()).toMatchObject({ outdated: 1, backingOff: 1, outcomes: {} });
  });

  it('is followed although the answer to its request never came', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    world.platform.core.server.fault({ kind: 'hang', stage: 'after', route: TRAIN });
    const { checks } = await world.startReplica({ SESSION_SERVICE_REQUEST_TIMEOUT: '1000' });
    expect((await checks.run()).outcomes).toEqual({ trained: 1 });
    expect(world.trainedIds).toEqual(['p1']);
  });

  it('does not count as failed when a poll of hbf-core fails', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    const { checks } = await world.startReplica();
    const look = { route: 'GET /nlp-pipelines/{id}', when: () => world.pipelines.trainings.length > 0 };
    world.platform.core.server.fault({ ...look, kind: 'status', status: 400, times: 2 });
    world.platform.core.server.fault({ ...look, kind: 'body', body: 'no json', times: 2 });
    expect((await checks.run()).outcomes).toEqual({ trained: 1 });
    expect(world.trainedIds).toEqual(['p1']);
  });
});
