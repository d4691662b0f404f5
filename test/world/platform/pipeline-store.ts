import type { Json } from './core-store.js';
import { aged } from '../../support/dates.js';
import { PIPELINE_CREDENTIALS } from '../planted-secrets.js';

export interface NewPipeline {
  id: string;
  tenantId: string;
  status?: string;
  nlpService?: 'HBF_NLP' | 'HBF_CORE' | undefined;
  trainingGroup?: string;
  fields?: Json;
}

/** How the next trainings go; the state moves on by being asked. */
export interface TrainingPlan {
  /** Polls that still read OUTDATED after the training was asked for. */
  stillOutdatedPolls: number;
  /** Polls that read TRAINING. */
  trainingPolls: number;
  /** At least so long after it was asked for. */
  atLeastMs: number;
  end: 'READY' | 'FAILED' | 'NEVER';
}

/** hbf-core's NLP pipelines, and their training as a poller sees it. */
export class PipelineStore {
  plan: TrainingPlan = { stillOutdatedPolls: 1, trainingPolls: 2, atLeastMs: 0, end: 'READY' };
  /** The service that was asked to train each pipeline, in order. */
  readonly trainings: { pipelineId: string; askedOf: 'hbf-core' | 'hbf-nlp'; at: number }[] = [];
  /** The most pipelines that were in training at once, and the most of one training group. */
  peakTraining = 0;
  peakInGroup = 0;
  private readonly pipelines = new Map<string, { dto: Json; polls: number; plan?: TrainingPlan; startedAt: number }>();

  add(pipeline: NewPipeline): Json {
    const { id, tenantId, status = 'OUTDATED', fields, ...more } = pipeline;
    const now = new Date().toISOString();
    const times = { createdAt: now, updatedAt: now, lastTrainedAt: now };
    const dto = { id, name: `Pipeline ${id}`, type: 'HELVIA_GPT', language: 'en', tenantRef: tenantId, status, trainCount: 0, ...times, ...PIPELINE_CREDENTIALS, ...more, ...fields }; // prettier-ignore
    this.pipelines.set(id, { dto, polls: 0, startedAt: 0 });
    return dto;
  }

  /** Every date of every pipeline becomes earlier. */
  age(ms: number): void {
    for (const { dto } of this.pipelines.values()) Object.assign(dto, aged(dto, ms));
  }

  remove(id: string): void {
    this.pipelines.delete(id);
  }

  list(): Json[] {
    return [...this.pipelines.values()].map(({ dto }) => dto);
  }

  /** The pipeline without moving it on. */
  peek(id: string): Json | undefined {
    return this.pipelines.get(id)?.dto;
  }

  /** One poll: the state moves on as planned. */
  poll(id: string): Json | undefined {
    const entry = this.pipelines.get(id);
    if (!entry?.plan) return entry?.dto;
    const { stillOutdatedPolls, trainingPolls, atLeastMs, end } = entry.plan;
    entry.polls++;
    if (entry.polls > stillOutdatedPolls) entry.dto['status'] = 'TRAINING';
    const done = entry.polls > stillOutdatedPolls + trainingPolls && Date.now() - entry.startedAt >= atLeastMs;
    if (done && end !== 'NEVER') {
      const now = new Date().toISOString();
      Object.assign(entry.dto, { status: end, updatedAt: now, lastTrainedAt: now });
      if (end === 'FAILED') entry.dto['failedReason'] = 'not enough examples';
      delete entry.plan;
    }
    return entry.dto;
  }

  /** @returns whether there is such a pipeline */
  train(id: string, askedOf: 'hbf-core' | 'hbf-nlp'): boolean {
    const entry = this.pipelines.get(id);
    if (!entry) return false;
    this.trainings.push({ pipelineId: id, askedOf, at: Date.now() });
    entry.dto['trainCount'] = Number(entry.dto['trainCount']) + 1;
    Object.assign(entry, { plan: { ...this.plan }, polls: 0, startedAt: Date.now() });
    const running = [...this.pipelines.values()].filter(({ plan }) => plan !== undefined);
    const group = entry.dto['trainingGroup'] ?? id;
    const inGroup = running.filter(({ dto }) => (dto['trainingGroup'] ?? dto['id']) === group);
    this.peakTraining = Math.max(this.peakTraining, running.length);
    this.peakInGroup = Math.max(this.peakInGroup, inGroup.length);
    return true;
  }
}
