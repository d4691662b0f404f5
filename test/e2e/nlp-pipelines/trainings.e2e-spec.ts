import { TRAIN, TrainingWorld } from '../fixtures/trainings.js';

let world: TrainingWorld;

beforeEach(async () => {
  world = await TrainingWorld.start('trainings');
});

afterEach(async () => {
  await world.stop();
  expect(world.platform.violations).toEqual([]);
});

describe('a pipeline that is out of date', () => {
  it('is trained by the service that it names, and followed until it is READY', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1', nlpService: 'HBF_NLP' });
    world.platform.core.addPipeline({ id: 'p2', tenantId: 't1', nlpService: 'HBF_CORE' });
    world.platform.core.addPipeline({ id: 'p3', tenantId: 't1', nlpService: undefined });
    const { checks, results } = await world.startReplica();
    const result = await checks.run();
    expect(result).toMatchObject({ outdated: 3, broken: 0, outcomes: { trained: 3 } });
    const asked = world.pipelines.trainings.map(({ pipelineId, askedOf }) => `${pipelineId} ${askedOf}`);
    expect(asked.sort()).toEqual(['p1 hbf-nlp', 'p2 hbf-core', 'p3 hbf-core']);
    expect(['p1', 'p2', 'p3'].map((id) => world.statusOf(id))).toEqual(['READY', 'READY', 'READY']);
    expect(results).toHaveLength(3);
    expect(await world.trainings.countDocuments({ state: 'trained', failures: 0 })).toBe(3);
    expect(await world.leases.countDocuments({ _id: /^training:/, until: { $gt: new Date(0) } })).toBe(0);
    expect(world.alerts).toEqual([]);
  });

  it('is left alone when its tenant does not train automatically, or its status is another', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 'manual' });
    for (const status of ['CREATED', 'TRAINING', 'FAILED', 'READY', 'INITIALIZED', 'WARMING_UP']) {
      world.platform.core.addPipeline({ id: status, tenantId: 't1', status });
    }
    const { checks } = await world.startReplica();
    expect(await checks.run()).toMatchObject({ outdated: 0, outcomes: {} });
    expect(world.trainedIds).toEqual([]);
  });

  it('is trained again when it is out of date again', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    const { checks } = await world.startReplica();
    await checks.run();
    world.pipelines.peek('p1')!['status'] = 'OUTDATED';
    await checks.run();
    expect(world.trainedIds).toEqual(['p1', 'p1']);
  });

  it('counts as trained when lastTrainedAt has moved, although it still reads OUTDATED', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1', fields: { lastTrainedAt: '2020-01-01T00:00:00Z' } });
    world.pipelines.plan = { stillOutdatedPolls: 1e9, trainingPolls: 0, atLeastMs: 0, end: 'NEVER' };
    const { checks } = await world.startReplica();
    const running = checks.run();
    await world.underWay();
    world.pipelines.peek('p1')!['lastTrainedAt'] = new Date().toISOString();
    expect((await running).outcomes).toEqual({ trained: 1 });
  });

  it('is not taken for finished when its status is unknown', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    world.pipelines.plan = { stillOutdatedPolls: 0, trainingPolls: 5, atLeastMs: 0, end: 'READY' };
    const { checks } = await world.startReplica();
    const odd = world.platform.core.server.fault({
      kind: 'body',
      route: 'GET /nlp-pipelines/{id}',
      when: () => world.statusOf('p1') === 'TRAINING',
      times: 3,
      body: { id: 'p1', name: 'P', status: 'WARMING_UP' },
    });
    expect((await checks.run()).outcomes).toEqual({ trained: 1 });
    odd();
    expect(world.platform.core.server.count('GET /nlp-pipelines/{id}')).toBeGreaterThan(6);
  });

  it('is forgotten when it is deleted while it waits for its turn', async () => {
    for (const id of ['p1', 'p2']) world.platform.core.addPipeline({ id, tenantId: 't1', trainingGroup: 'g' });
    const { checks } = await world.startReplica();
    const stop = world.platform.core.server.onBefore(TRAIN, () => world.pipelines.remove('p2'));
    expect((await checks.run()).outcomes).toEqual({ trained: 1, gone: 1 });
    stop();
    expect(world.trainedIds).toEqual(['p1']);
  });

  it('is forgotten when it is deleted before it can be asked for, and while it trains', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    world.platform.core.addPipeline({ id: 'p2', tenantId: 't1', nlpService: 'HBF_NLP' });
    world.pipelines.plan = { stillOutdatedPolls: 0, trainingPolls: 1e9, atLeastMs: 0, end: 'NEVER' };
    world.platform.nlp.server.onBefore(TRAIN, () => world.pipelines.remove('p2'));
    const { checks } = await world.startReplica();
    const running = checks.run();
    await world.underWay();
    world.pipelines.remove('p1');
    expect((await running).outcomes).toEqual({ gone: 2 });
    expect(await world.trainings.countDocuments()).toBe(0);
    expect(world.alerts).toEqual([]);
  });

  it('is left alone when another party has begun to train it before its turn', async () => {
    for (const id of ['p1', 'p2']) world.platform.core.addPipeline({ id, tenantId: 't1', trainingGroup: 'g' });
    world.platform.core.server.onBefore(TRAIN, () => void (world.pipelines.peek('p2')!['status'] = 'TRAINING'));
    const { checks } = await world.startReplica();
    expect((await checks.run()).outcomes).toEqual({ trained: 1, 'left-alone': 1 });
    expect(world.trainedIds).toEqual(['p1']);
    expect(await world.trainings.findOne({ _id: 'p2' })).toBeNull();
  });

  it('is left alone when the service refuses because another party was faster', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    world.platform.core.server.onBefore(TRAIN, () => void (world.pipelines.peek('p1')!['status'] = 'TRAINING'));
    world.platform.core.server.fault({ kind: 'status', status: 409, route: TRAIN });
    const { checks } = await world.startReplica();
    expect((await checks.run()).outcomes).toEqual({ 'left-alone': 1 });
    expect(await world.trainings.countDocuments()).toBe(0);
  });
});
