import type { Pipeline } from '../platform/core/pipeline.dto.js';
import { failuresBefore, needsTraining, progressOf, retryDelayMs, serialKey } from './training-rules.js';
import type { Training } from './training.schema.js';

const HOUR = 3_600_000;
const T0 = new Date('2026-01-01T00:00:00Z');
const T1 = new Date('2026-01-01T01:00:00Z');

const pipeline = (changes: Partial<Pipeline> = {}): Pipeline => ({
  id: 'p1',
  name: 'FAQ',
  status: 'OUTDATED',
  nlpService: undefined,
  trainingGroup: undefined,
  lastTrainedAt: T0,
  updatedAt: T0,
  tenantRef: 't1',
  organizationRef: 'o1',
  ...changes,
});

const training = (changes: Partial<Training> = {}): Training => ({
  _id: 'p1',
  state: 'training',
  startedAt: T0,
  pollUntil: T1,
  statusBefore: 'OUTDATED',
  lastTrainedAtBefore: T0,
  pipelineUpdatedAt: T0,
  failures: 0,
  ...changes,
});

const failed = (changes: Partial<Training> = {}) =>
  training({ state: 'failed', failures: 3, nextAttemptAt: T1, ...changes });

describe('retryDelayMs', () => {
  it('waits 1, 2, 4 … 24 hours', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 50].map((failures) => retryDelayMs(failures) / HOUR)).toEqual([
      1, 2, 4, 8, 16, 24, 24, 24,
    ]);
  });
});

describe('needsTraining', () => {
  it.each<[string, Pipeline, Training | undefined, number, boolean]>([
    ['outdated, never trained by us', pipeline(), undefined, +T0, true],
    ['outdated anew after a success', pipeline(), training({ state: 'trained' }), +T0, true],
    ['outdated, failed, backoff not over', pipeline(), failed(), +T1 - 1, false],
    ['outdated, failed, backoff over', pipeline(), failed(), +T1, true],
    ['outdated, failed, changed since', pipeline({ updatedAt: T1 }), failed(), +T0, true],
    ['failed by our training, backoff not over', pipeline({ status: 'FAILED', updatedAt: T1 }), failed(), +T0, false],
    ['failed by our training, backoff over', pipeline({ status: 'FAILED' }), failed(), +T1, true],
    ['failed by the training of another', pipeline({ status: 'FAILED' }), undefined, +T1, false],
    [
      'failed by another, after our success',
      pipeline({ status: 'FAILED' }),
      training({ state: 'trained' }),
      +T1,
      false,
    ],
    ['being trained by another', pipeline({ status: 'TRAINING' }), undefined, +T1, false],
    ['being trained by another after our failure', pipeline({ status: 'TRAINING' }), failed(), +T1, false],
    ['ready', pipeline({ status: 'READY' }), undefined, +T1, false],
    ['of an unknown status', pipeline({ status: 'WARMING_UP' }), undefined, +T1, false],
    ['of no status', pipeline({ status: undefined }), undefined, +T1, false],
  ])('a pipeline that is %s', (_, given, last, now, expected) => {
    expect(needsTraining(given, last, now)).toBe(expected);
  });
});

describe('failuresBefore', () => {
  it.each<[string, Pipeline, Training | undefined, number]>([
    ['none without a training', pipeline(), undefined, 0],
    ['none after a success', pipeline(), training({ state: 'trained', failures: 0 }), 0],
    ['those in a row', pipeline(), failed(), 3],
    ['none once the pipeline was changed', pipeline({ updatedAt: T1 }), failed(), 0],
    [
      'those in a row when only its late failure changed it',
      pipeline({ status: 'FAILED', updatedAt: T1 }),
      failed(),
      3,
    ],
  ])('%s', (_, given, last, expected) => {
    expect(failuresBefore(given, last)).toBe(expected);
  });
});

describe('progressOf', () => {
  const second = training({ statusBefore: 'FAILED' });

  it.each<[string, Pipeline | undefined, Training, string]>([
    ['deleted', undefined, training(), 'gone'],
    ['READY', pipeline({ status: 'READY' }), training(), 'trained'],
    ['FAILED', pipeline({ status: 'FAILED' }), training(), 'failed'],
    ['TRAINING', pipeline({ status: 'TRAINING' }), training(), 'running'],
    ['TRAINING, lastTrainedAt moved', pipeline({ status: 'TRAINING', lastTrainedAt: T1 }), training(), 'running'],
    ['CREATED', pipeline({ status: 'CREATED' }), training(), 'running'],
    ['INITIALIZED', pipeline({ status: 'INITIALIZED' }), training(), 'running'],
    ['INITIALIZING', pipeline({ status: 'INITIALIZING' }), training(), 'running'],
    ['an unknown status', pipeline({ status: 'WARMING_UP', lastTrainedAt: T1 }), training(), 'running'],
    ['no status', pipeline({ status: undefined }), training(), 'running'],
    ['still OUTDATED', pipeline(), training(), 'unmoved'],
    ['still OUTDATED, updated meanwhile', pipeline({ updatedAt: T1 }), training(), 'unmoved'],
    ['OUTDATED, lastTrainedAt moved', pipeline({ lastTrainedAt: T1 }), training(), 'trained'],
    ['OUTDATED, trained for the first time', pipeline(), training({ lastTrainedAtBefore: undefined }), 'trained'],
    ['still FAILED on a second try', pipeline({ status: 'FAILED' }), second, 'unmoved'],
    ['FAILED anew on a second try', pipeline({ status: 'FAILED', updatedAt: T1 }), second, 'failed'],
    ['FAILED anew, by lastTrainedAt', pipeline({ status: 'FAILED', lastTrainedAt: T1 }), second, 'failed'],
  ])('%s', (_, given, of, expected) => {
    expect(progressOf(given, of)).toBe(expected);
  });
});

describe('serialKey', () => {
  it('is the group, or else the pipeline, and never confuses the two', () => {
    expect(serialKey({ id: 'x', trainingGroup: 'g' })).toBe(serialKey({ id: 'y', trainingGroup: 'g' }));
    expect(serialKey({ id: 'x' })).not.toBe(serialKey({ id: 'y', trainingGroup: 'x' }));
  });
});
