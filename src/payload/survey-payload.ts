import type { Survey } from '../platform/core/survey.dto.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import type { JsonObject } from '../platform/shape.js';
import { fields, isObject } from './allow-list.js';
import { readersOf } from './field.js';
import { publicSession } from './public-session.js';
import { SURVEY_FIELDS } from './survey-fields.js';

const survey = fields(readersOf(SURVEY_FIELDS));

/**
 * The body of a `survey-completed` trigger: the survey's known fields, organization and tenant, and its chat session
 * (null if hbf-core gives none) copied as for a webhook, because `survey.chatSession.tenant` is the whole tenant.
 */
export function buildSurveyPayload(input: { survey: Survey; tenant: Tenant }): JsonObject {
  const { raw, id } = input.survey;
  const chatSession = raw['chatSession'];
  const known = survey(raw);
  return {
    ...known,
    questions: known?.['questions'] ?? [],
    id,
    organizationId: input.tenant.organizationId,
    tenantId: input.tenant.id,
    chatSession: isObject(chatSession) ? publicSession(chatSession, input.tenant) : null,
  };
}
