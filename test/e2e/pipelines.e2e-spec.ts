import { type INestApplicationContext, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import type { Collection, MongoClient } from 'mongodb';
import { Config } from '../../src/config/config.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { NlpPipelinesModule } from '../../src/nlp-pipelines/nlp-pipelines.module.js';
import { PipelineCheckService } from '../../src/nlp-pipelines/pipeline-check.service.js';
import { TrainingEvents, type TrainingResult } from '../../src/nlp-pipelines/training-events.js';
import type { Training } from '../../src/nlp-pipelines/training.schema.js';
import { NotificationsModule } from '../../src/notifications/notifications.module.js';
import { type OperatorAlert, OperatorAlerts } from '../../src/notifications/operator-alerts.js';
import { Database } from '../../src/persistence/database.js';
import { PersistenceModule } from '../../src/persistence/persistence.module.js';
import { connect, migrate, testDatabaseUri } from '../support/database.js';
import { PlatformSimulator } from '../support/platform-simulator.js';
import { serviceEnvironment } from '../support/service-environment.js';
import { waitFor } from '../support/wait-for.js';

const HOUR = 3_600_000;
const TRAIN = 'POST /nlp-pipelines/{id}/train';

const alerts: OperatorAlert[] = [];

class JournalAlerts extends OperatorAlerts {
  override raise(alert: OperatorAlert): Promise<void> {
    alerts.push(alert);
    return Promise.resolve();
  }
}

@Module({ providers: [{ provide: OperatorAlerts, useClass: JournalAlerts }], exports: [OperatorAlerts] })
class JournalNotificationsModule {}

interface Replica {
  app: INestApplicationContext;
  checks: PipelineCheckService;
  results: TrainingResult[];
}

describe('auto-train of NLP pipelines', () => {
  const uri = testDatabaseUri('pipelines-e2e');
  let client: MongoClient;
  let platform: PlatformSimulator;
  let replicas: Replica[];
  let trainings: Collection<Training>;
  let leases: Collection<{ _id: string; owner: string; until: Date }>;

  async function startReplica(more: Record<string, string> = {}): Promise<Replica> {
    const env = serviceEnvironment(platform, uri, {
      MIGRATIONS_ON_START: 'false',
      NLP_PIPELINE_POLL_INTERVAL_IN_SECS: '0.01',
      NLP_PIPELINE_POLL_TIMEOUT_IN_SECS: '30',
      ...more,
    });
    const imports = [ConfigModule.for(Config.fromEnvironment(env)), ScheduleModule.forRoot(), PersistenceModule];
    const builder = Test.createTestingModule({ imports: [...imports, NlpPipelinesModule] });
    const module = await builder.overrideModule(NotificationsModule).useModule(JournalNotificationsModule).compile();
    module.useLogger(false);
    const app = await module.init();
    await app.get(Database, { strict: false }).whenReady();
    const replica: Replica = { app, checks: app.get(PipelineCheckService, { strict: false }), results: [] };
    app.get(TrainingEvents, { strict: false }).listen((result) => replica.results.push(result));
    replicas.push(replica);
    return replica;
  }

  beforeAll(async () => {
    await migrate(uri);
    client = await connect(uri);
    trainings = client.db().collection('trainings');
    leases = client.db().collection('leases');
  });

  afterAll(() => client.close());

  beforeEach(async () => {
    replicas = [];
    alerts.length = 0;
    platform = await PlatformSimulator.start();
    platform.core.addTenant({ id: 't1', organizationId: 'o1', autoTrain: true });
    platform.core.addTenant({ id: 'manual', organizationId: 'o1' });
  });

  afterEach(async () => {
    for (const { app } of replicas) await app.close();
    await trainings.deleteMany({});
    await leases.deleteMany({});
    await platform.stop();
    expect(platform.violations).toEqual([]);
  });

  const pipelines = () => platform.core.pipelines;
  const trainedIds = () => pipelines().trainings.map(({ pipelineId }) => pipelineId);
  const statusOf = (id: string) => pipelines().peek(id)?.['status'];
  const passBackoff = () => trainings.updateMany({ state: 'failed' }, { $set: { nextAttemptAt: new Date(0) } });
  const underWay = (id = 'p1') =>
    waitFor('the training to be under way', () => trainings.findOne({ _id: id, state: 'training', askedAt: { $exists: true } })); // prettier-ignore

  describe('a pipeline that is out of date', () => {
    it('is trained by the service that it names, and followed until it is READY', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1', nlpService: 'HBF_NLP' });
      platform.core.addPipeline({ id: 'p2', tenantId: 't1', nlpService: 'HBF_CORE' });
      platform.core.addPipeline({ id: 'p3', tenantId: 't1', nlpService: undefined });
      const { checks, results } = await startReplica();
      const result = await checks.run();
      expect(result).toMatchObject({ outdated: 3, broken: 0, outcomes: { trained: 3 } });
      const asked = pipelines().trainings.map(({ pipelineId, askedOf }) => `${pipelineId} ${askedOf}`);
      expect(asked.sort()).toEqual(['p1 hbf-nlp', 'p2 hbf-core', 'p3 hbf-core']);
      expect(['p1', 'p2', 'p3'].map(statusOf)).toEqual(['READY', 'READY', 'READY']);
      expect(results).toHaveLength(3);
      expect(await trainings.countDocuments({ state: 'trained', failures: 0 })).toBe(3);
      expect(await leases.countDocuments({ _id: /^training:/, until: { $gt: new Date(0) } })).toBe(0);
      expect(alerts).toEqual([]);
    });

    it('is left alone when its tenant does not train automatically, or its status is another', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 'manual' });
      for (const status of ['CREATED', 'TRAINING', 'FAILED', 'READY', 'INITIALIZED', 'WARMING_UP']) {
        platform.core.addPipeline({ id: status, tenantId: 't1', status });
      }
      const { checks } = await startReplica();
      expect(await checks.run()).toMatchObject({ outdated: 0, outcomes: {} });
      expect(trainedIds()).toEqual([]);
    });

    it('is trained again when it is out of date again', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
      const { checks } = await startReplica();
      await checks.run();
      pipelines().peek('p1')!['status'] = 'OUTDATED';
      await checks.run();
      expect(trainedIds()).toEqual(['p1', 'p1']);
    });

    it('is done as well when it reads OUTDATED and lastTrainedAt has moved', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1', fields: { lastTrainedAt: '2020-01-01T00:00:00Z' } });
      pipelines().plan = { stillOutdatedPolls: 1e9, trainingPolls: 0, atLeastMs: 0, end: 'NEVER' };
      const { checks } = await startReplica();
      const running = checks.run();
      await underWay();
      pipelines().peek('p1')!['lastTrainedAt'] = new Date().toISOString();
      expect((await running).outcomes).toEqual({ trained: 1 });
    });

    it('is not taken for finished by a status that nobody knows', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
      pipelines().plan = { stillOutdatedPolls: 0, trainingPolls: 5, atLeastMs: 0, end: 'READY' };
      const { checks } = await startReplica();
      const odd = platform.core.server.fault({
        kind: 'body',
        route: 'GET /nlp-pipelines/{id}',
        when: () => statusOf('p1') === 'TRAINING',
        times: 3,
        body: { id: 'p1', name: 'P', status: 'WARMING_UP' },
      });
      expect((await checks.run()).outcomes).toEqual({ trained: 1 });
      odd();
      expect(platform.core.server.count('GET /nlp-pipelines/{id}')).toBeGreaterThan(6);
    });

    it('is forgotten when it is deleted while it waits for its turn', async () => {
      for (const id of ['p1', 'p2']) platform.core.addPipeline({ id, tenantId: 't1', trainingGroup: 'g' });
      const { checks } = await startReplica();
      const stop = platform.core.server.onBefore(TRAIN, () => pipelines().remove('p2'));
      expect((await checks.run()).outcomes).toEqual({ trained: 1, gone: 1 });
      stop();
      expect(trainedIds()).toEqual(['p1']);
    });

    it('is forgotten when it is deleted before it can be asked for, and while it trains', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
      platform.core.addPipeline({ id: 'p2', tenantId: 't1', nlpService: 'HBF_NLP' });
      pipelines().plan = { stillOutdatedPolls: 0, trainingPolls: 1e9, atLeastMs: 0, end: 'NEVER' };
      platform.nlp.server.onBefore(TRAIN, () => pipelines().remove('p2'));
      const { checks } = await startReplica();
      const running = checks.run();
      await underWay();
      pipelines().remove('p1');
      expect((await running).outcomes).toEqual({ gone: 2 });
      expect(await trainings.countDocuments()).toBe(0);
      expect(alerts).toEqual([]);
    });

    it('is left alone when another party begins to train it in between', async () => {
      for (const id of ['p1', 'p2']) platform.core.addPipeline({ id, tenantId: 't1', trainingGroup: 'g' });
      platform.core.server.onBefore(TRAIN, () => void (pipelines().peek('p2')!['status'] = 'TRAINING'));
      const { checks } = await startReplica();
      expect((await checks.run()).outcomes).toEqual({ trained: 1, 'left-alone': 1 });
      expect(trainedIds()).toEqual(['p1']);
      expect(await trainings.findOne({ _id: 'p2' })).toBeNull();
    });

    it('is left alone when the service refuses because another party was faster', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
      platform.core.server.onBefore(TRAIN, () => void (pipelines().peek('p1')!['status'] = 'TRAINING'));
      platform.core.server.fault({ kind: 'status', status: 409, route: TRAIN });
      const { checks } = await startReplica();
      expect((await checks.run()).outcomes).toEqual({ 'left-alone': 1 });
      expect(await trainings.countDocuments()).toBe(0);
    });
  });

  describe('a training that fails', () => {
    it('is recorded and mailed once, and tried again after 1, 2, 4 … hours', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1', nlpService: 'HBF_NLP' });
      pipelines().plan = { stillOutdatedPolls: 1, trainingPolls: 1, atLeastMs: 0, end: 'FAILED' };
      const { checks, results } = await startReplica();
      for (const failures of [1, 2, 3]) {
        expect((await checks.run()).outcomes).toEqual({ failed: 1 });
        const record = (await trainings.findOne({ _id: 'p1' }))!;
        expect(record).toMatchObject({ state: 'failed', failures, lastError: 'training_failed' });
        const wait = record.nextAttemptAt!.getTime() - record.finishedAt!.getTime();
        expect(wait).toBe(2 ** (failures - 1) * HOUR);
        expect((await checks.run()).outcomes).toEqual({}); // FAILED at hbf-core, and its backoff has not passed
        await passBackoff();
      }
      expect(trainedIds()).toHaveLength(3);
      expect(results.at(-1)).toMatchObject({ outcome: 'failed', code: 'training_failed', failures: 3 });
      expect(alerts).toHaveLength(1);
      expect(alerts[0]).toMatchObject({ kind: 'training-failed', key: 'p1', details: { 'trained by': 'hbf-nlp' } });
      expect(JSON.stringify([alerts, results, await trainings.find().toArray()])).not.toContain('PLANTED');
      pipelines().plan.end = 'READY';
      expect((await checks.run()).outcomes).toEqual({ trained: 1 });
      expect(await trainings.findOne({ _id: 'p1' })).toMatchObject({ state: 'trained', failures: 0 });
    });

    it('is tried again at once when the pipeline was changed', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
      platform.core.addPipeline({ id: 'p2', tenantId: 't1' });
      pipelines().plan = { stillOutdatedPolls: 0, trainingPolls: 0, atLeastMs: 0, end: 'FAILED' };
      const { checks } = await startReplica();
      await checks.run();
      await trainings.updateMany({}, { $set: { failures: 5 } });
      for (const id of ['p1', 'p2']) pipelines().peek(id)!['status'] = 'OUTDATED';
      pipelines().peek('p1')!['updatedAt'] = new Date(Date.now() + 1000).toISOString();
      expect(await checks.run()).toMatchObject({ outdated: 2, backingOff: 1, outcomes: { failed: 1 } });
      expect(trainedIds().sort()).toEqual(['p1', 'p1', 'p2']);
      expect(await trainings.findOne({ _id: 'p1' })).toMatchObject({ failures: 1 });
      expect(alerts.map(({ key }) => key).sort()).toEqual(['p1', 'p1', 'p2']);
    });

    it('is no longer ours to repeat once others have trained the pipeline', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
      pipelines().plan = { stillOutdatedPolls: 0, trainingPolls: 0, atLeastMs: 0, end: 'FAILED' };
      const { checks } = await startReplica();
      await checks.run();
      pipelines().peek('p1')!['status'] = 'READY';
      await passBackoff();
      expect((await checks.run()).outcomes).toEqual({});
      expect(await trainings.countDocuments()).toBe(0);
    });

    it('counts as failed when it takes too long', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
      pipelines().plan = { stillOutdatedPolls: 0, trainingPolls: 0, atLeastMs: 0, end: 'NEVER' };
      const { checks } = await startReplica({ NLP_PIPELINE_POLL_TIMEOUT_IN_SECS: '0.1' });
      expect((await checks.run()).outcomes).toEqual({ 'timed-out': 1 });
      expect(await trainings.findOne({ _id: 'p1' })).toMatchObject({ state: 'failed', lastError: 'timed_out' });
      expect(alerts).toHaveLength(1);
      await passBackoff();
      expect((await checks.run()).outcomes).toEqual({}); // still TRAINING: left alone
      expect(trainedIds()).toEqual(['p1']);
    });

    it('is refused: the refusal is recorded, and the others go on', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1', nlpService: 'HBF_NLP' });
      platform.core.addPipeline({ id: 'p2', tenantId: 't1' });
      platform.nlp.server.fault({ kind: 'status', status: 503, route: TRAIN });
      const { checks } = await startReplica();
      expect((await checks.run()).outcomes).toEqual({ failed: 1, trained: 1 });
      expect(await trainings.findOne({ _id: 'p1' })).toMatchObject({ lastError: 'http_503', failures: 1 });
      expect(platform.nlp.server.count(TRAIN)).toBe(1); // asked once: a repetition could train twice
      expect(await checks.run()).toMatchObject({ outdated: 1, backingOff: 1, outcomes: {} });
    });

    it('may have begun although the answer to the request never came', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
      platform.core.server.fault({ kind: 'hang', stage: 'after', route: TRAIN });
      const { checks } = await startReplica({ SESSION_SERVICE_REQUEST_TIMEOUT: '1000' });
      expect((await checks.run()).outcomes).toEqual({ trained: 1 });
      expect(trainedIds()).toEqual(['p1']);
    });

    it('does not fail because hbf-core stumbles while it is followed', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
      const { checks } = await startReplica();
      const look = { route: 'GET /nlp-pipelines/{id}', when: () => pipelines().trainings.length > 0 };
      platform.core.server.fault({ ...look, kind: 'status', status: 400, times: 2 });
      platform.core.server.fault({ ...look, kind: 'body', body: 'no json', times: 2 });
      expect((await checks.run()).outcomes).toEqual({ trained: 1 });
      expect(trainedIds()).toEqual(['p1']);
    });
  });

  it('an hbf-core that refuses the list fails the check, and the next one works', async () => {
    platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    const { checks } = await startReplica();
    platform.core.server.fault({ kind: 'status', status: 403, route: 'GET /nlp-pipelines', times: 1 });
    platform.core.server.fault({ kind: 'body', body: { pipelines: [] }, route: 'GET /nlp-pipelines', times: 1 });
    await expect(checks.run()).rejects.toMatchObject({ kind: 'unauthorized' });
    await expect(checks.run()).rejects.toMatchObject({ kind: 'shape' });
    expect((await checks.run()).outcomes).toEqual({ trained: 1 });
  });

  it('an hbf-core that does not tell of one pipeline leaves it to the next check', async () => {
    platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
    platform.core.addPipeline({ id: 'p2', tenantId: 't1' });
    const { checks } = await startReplica();
    const look = { route: 'GET /nlp-pipelines/{id}', when: ({ path }: { path: string }) => path.endsWith('p1') };
    platform.core.server.fault({ ...look, kind: 'status', status: 400, times: 1 });
    expect(await checks.run()).toMatchObject({ broken: 1, outcomes: { trained: 1 } });
    expect(await checks.run()).toMatchObject({ broken: 0, outcomes: { trained: 1 } });
  });

  describe('many pipelines', () => {
    it('are trained two at a time, one at a time within a training group', async () => {
      for (const id of ['a1', 'a2', 'a3']) platform.core.addPipeline({ id, tenantId: 't1', trainingGroup: 'a' });
      for (const id of ['b1', 'b2']) platform.core.addPipeline({ id, tenantId: 't1', trainingGroup: 'b' });
      for (const id of ['c', 'd', 'e']) platform.core.addPipeline({ id, tenantId: 't1' });
      pipelines().plan.atLeastMs = 30;
      const { checks } = await startReplica();
      expect((await checks.run()).outcomes).toEqual({ trained: 8 });
      expect(new Set(trainedIds()).size).toBe(8);
      expect(pipelines().peakTraining).toBe(2);
      expect(pipelines().peakInGroup).toBe(1);
    });

    it('are checked once at a time: a second call gets the result of the first', async () => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
      const { checks } = await startReplica();
      const [first, second] = await Promise.all([checks.run(), checks.run()]);
      expect(second).toBe(first);
      expect(platform.core.server.count('GET /nlp-pipelines')).toBe(1);
    });

    it('are shared by two replicas: none is trained twice, no group at two places', async () => {
      for (let i = 0; i < 4; i++) platform.core.addPipeline({ id: `p${i}`, tenantId: 't1' });
      for (let i = 0; i < 4; i++) platform.core.addPipeline({ id: `g${i}`, tenantId: 't1', trainingGroup: 'g' });
      pipelines().plan.atLeastMs = 20;
      const [one, two] = [await startReplica(), await startReplica()];
      await Promise.all([one.checks.run(), two.checks.run()]);
      await Promise.all([one.checks.run(), two.checks.run()]);
      expect(trainedIds().sort()).toEqual(['g0', 'g1', 'g2', 'g3', 'p0', 'p1', 'p2', 'p3']);
      expect(pipelines().peakInGroup).toBe(1);
      expect(await trainings.countDocuments({ state: 'trained' })).toBe(8);
    });
  });

  describe('a restart in the middle of a training', () => {
    beforeEach(() => {
      platform.core.addPipeline({ id: 'p1', tenantId: 't1' });
      pipelines().plan = { stillOutdatedPolls: 1, trainingPolls: 1e9, atLeastMs: 0, end: 'READY' };
    });

    async function interrupted(): Promise<void> {
      const before = await startReplica();
      const running = before.checks.run();
      await underWay();
      await waitFor('the training to be seen', () => statusOf('p1') === 'TRAINING');
      await before.app.close();
      expect((await running).outcomes).toEqual({ interrupted: 1 });
      replicas.pop();
    }

    it('is followed up by the next check, which does not train again', async () => {
      await interrupted();
      const after = await startReplica();
      const record = await trainings.findOne({ _id: 'p1' });
      const running = after.checks.run();
      await waitFor('a look of the new process', () =>
        leases.findOne({ _id: 'training:pipeline:p1', until: { $gt: new Date() } }),
      );
      Object.assign(pipelines().peek('p1')!, { status: 'READY' });
      platform.core.server.fault({
        kind: 'body',
        route: 'GET /nlp-pipelines/{id}',
        body: { id: 'p1', status: 'READY' },
      });
      expect(await running).toMatchObject({ outdated: 0, unfinished: 1, outcomes: { trained: 1 } });
      expect(trainedIds()).toEqual(['p1']);
      expect(after.results[0]).toMatchObject({ resumed: true, outcome: 'trained' });
      expect(await trainings.findOne({ _id: 'p1' })).toMatchObject({ startedAt: record!.startedAt, state: 'trained' });
    });

    it('does not give the training more time', async () => {
      await interrupted();
      await trainings.updateOne({ _id: 'p1' }, { $set: { pollUntil: new Date(0) } });
      const after = await startReplica();
      expect((await after.checks.run()).outcomes).toEqual({ 'timed-out': 1 });
      expect(alerts).toHaveLength(1);
    });

    it('waits until the lease of a killed process has passed', async () => {
      await interrupted();
      await trainings.updateOne({ _id: 'p1' }, { $set: { pollUntil: new Date(0) } });
      const after = await startReplica();
      const _id = 'training:pipeline:p1';
      await leases.replaceOne({ _id }, { owner: 'killed', until: new Date(Date.now() + HOUR) }, { upsert: true });
      expect(await after.checks.run()).toMatchObject({ unfinished: 1, heldElsewhere: 1, outcomes: {} });
      await leases.updateOne({ _id }, { $set: { until: new Date(0) } });
      expect((await after.checks.run()).outcomes).toEqual({ 'timed-out': 1 });
      expect(trainedIds()).toEqual(['p1']);
    });

    it('trains at the next check what a crash kept from being asked for', async () => {
      pipelines().plan = { stillOutdatedPolls: 0, trainingPolls: 0, atLeastMs: 0, end: 'READY' };
      const after = await startReplica();
      const { lastTrainedAt, updatedAt } = pipelines().peek('p1')! as Record<string, string>;
      await trainings.insertOne({
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
      expect(await trainings.findOne({ _id: 'p1' })).toMatchObject({ lastError: 'never_asked', failures: 2 });
      expect(alerts).toEqual([]);
      expect((await after.checks.run()).outcomes).toEqual({ trained: 1 });
      expect(trainedIds()).toEqual(['p1']);
    });
  });

  it('runs by itself, again and again', async () => {
    const { results } = await startReplica({ NLP_PIPELINE_CHECK_INTERVAL_IN_MINS: '0.0005' });
    await waitFor('a first check', () => platform.core.server.count('GET /nlp-pipelines') > 0);
    platform.core.addPipeline({ id: 'late', tenantId: 't1' });
    await waitFor('the late pipeline to be trained', () => results.length === 1);
    expect(results[0]).toMatchObject({ pipelineId: 'late', outcome: 'trained' });
  });
});
