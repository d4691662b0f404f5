import { waitFor } from '../../support/wait-for.js';
import { TrainingWorld } from '../fixtures/trainings.js';

let world: TrainingWorld;

beforeEach(async () => {
  world = await TrainingWorld.start('pipeline-check');
});

afterEach(async () => {
  await world.stop();
  expect(world.platform.violations).toEqual([]);
});

describe('the pipeline check', () => {
  it('fails when hbf-core refuses the list of pipelines, and the next one works', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    const { checks } = await world.startReplica();
    world.platform.core.server.fault({ kind: 'status', status: 403, route: 'GET /nlp-pipelines', times: 1 });
    world.platform.core.server.fault({ kind: 'body', body: { pipelines: [] }, route: 'GET /nlp-pipelines', times: 1 });
    await expect(checks.run()).rejects.toMatchObject({ kind: 'unauthorized' });
    await expect(checks.run()).rejects.toMatchObject({ kind: 'shape' });
    expect((await checks.run()).outcomes).toEqual({ trained: 1 });
  });

  it('leaves a pipeline that hbf-core does not tell of to the next check', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    world.platform.core.addPipeline({ id: 'p2', tenantId: 't1' });
    const { checks } = await world.startReplica();
    const look = { route: 'GET /nlp-pipelines/{id}', when: ({ path }: { path: string }) => path.endsWith('p1') };
    world.platform.core.server.fault({ ...look, kind: 'status', status: 400, times: 1 });
    expect(await checks.run()).toMatchObject({ broken: 1, outcomes: { trained: 1 } });
    expect(await checks.run()).toMatchObject({ broken: 0, outcomes: { trained: 1 } });
  });

  it('runs by itself again and again', async () => {
    const { results } = await world.startReplica({ NLP_PIPELINE_CHECK_INTERVAL_IN_MINS: '0.0005' });
    await waitFor('a first check', () => world.platform.core.server.count('GET /nlp-pipelines') > 0);
    world.platform.core.addPipeline({ id: 'late', tenantId: 't1' });
    await waitFor('the late pipeline to be trained', () => results.length === 1);
    expect(results[0]).toMatchObject({ pipelineId: 'late', outcome: 'trained' });
  });
});

describe('many pipelines', () => {
  it('are trained two at a time, one at a time within a training group', async () => {
    for (const id of ['a1', 'a2', 'a3']) world.platform.core.addPipeline({ id, tenantId: 't1', trainingGroup: 'a' });
    for (const id of ['b1', 'b2']) world.platform.core.addPipeline({ id, tenantId: 't1', trainingGroup: 'b' });
    for (const id of ['c', 'd', 'e']) world.platform.core.addPipeline({ id, tenantId: 't1' });
    world.pipelines.plan.atLeastMs = 30;
    const { checks } = await world.startReplica();
    expect((await checks.run()).outcomes).toEqual({ trained: 8 });
    expect(new Set(world.trainedIds).size).toBe(8);
    expect(world.pipelines.peakTraining).toBe(2);
    expect(world.pipelines.peakInGroup).toBe(1);
  });

  it('are checked by one run at a time: a second call gets the result of the first', async () => {
    world.platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    const { checks } = await world.startReplica();
    const [first, second] = await Promise.all([checks.run(), checks.run()]);
    expect(second).toBe(first);
    expect(world.platform.core.server.count('GET /nlp-pipelines')).toBe(1);
  });

  it('are shared by two replicas: none is trained twice, no training group in both at once', async () => {
    for (let i = 0; i < 4; i++) world.platform.core.addPipeline({ id: `p${i}`, tenantId: 't1' });
    for (let i = 0; i < 4; i++) world.platform.core.addPipeline({ id: `g${i}`, tenantId: 't1', trainingGroup: 'g' });
    world.pipelines.plan.atLeastMs = 20;
    const [one, two] = [await world.startReplica(), await world.startReplica()];
    await Promise.all([one.checks.run(), two.checks.run()]);
    await Promise.all([one.checks.run(), two.checks.run()]);
    expect(world.trainedIds.sort()).toEqual(['g0', 'g1', 'g2', 'g3', 'p0', 'p1', 'p2', 'p3']);
    expect(world.pipelines.peakInGroup).toBe(1);
    expect(await world.trainings.countDocuments({ state: 'trained' })).toBe(8);
  });
});
