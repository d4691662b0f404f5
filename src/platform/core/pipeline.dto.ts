import { date, nonEmptyString, object, optional } from '../shape.js';

/**
 * What this service knows of an NLP pipeline. hbf-core's answer carries credentials (apiKey, bearerToken, privateKey):
 * only these fields are copied, and the answer itself is not kept.
 */
export interface Pipeline {
  id: string;
  name: string | undefined;
  /** Upper case; CREATED, OUTDATED, TRAINING, FAILED, READY, INITIALIZED, or a newer one. */
  status: string | undefined;
  /** HBF_NLP or HBF_CORE; undefined means hbf-core. */
  nlpService: string | undefined;
  /** Pipelines of one group are trained one at a time. */
  trainingGroup: string | undefined;
  lastTrainedAt: Date | undefined;
  updatedAt: Date | undefined;
  tenantRef: string | undefined;
  organizationRef: string | undefined;
}

/** @throws ShapeError naming the first field that is not what it must be */
export function readPipeline(value: unknown, field = 'pipeline'): Pipeline {
  const raw = object(value, field);
  const text = (name: string): string | undefined => {
    const found = raw[name];
    return typeof found === 'string' && found !== '' ? found : undefined;
  };
  return {
    id: nonEmptyString(raw['id'], `${field}.id`),
    name: text('name'),
    status: optional(raw['status'], `${field}.status`, nonEmptyString)?.toUpperCase(),
    nlpService: optional(raw['nlpService'], `${field}.nlpService`, nonEmptyString)?.toUpperCase(),
    trainingGroup: text('trainingGroup'),
    lastTrainedAt: optional(raw['lastTrainedAt'], `${field}.lastTrainedAt`, date),
    updatedAt: optional(raw['updatedAt'], `${field}.updatedAt`, date),
    tenantRef: text('tenantRef'),
    organizationRef: text('organizationRef'),
  };
}
