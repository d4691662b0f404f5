import type { Survey } from '../platform/core/survey.dto.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import type { JsonObject } from '../platform/shape.js';
import { fields, isObject, list, scalar } from './allow-list.js';
import { publicSession } from './public-session.js';

/** SurveyDto of hbf-core without its session, which publicSession copies. */
const survey = fields({
  id: scalar,
  session: scalar,
  subscriber: scalar,
  type: scalar,
  questions: list(fields({ questionId: scalar, question: scalar, answer: scalar, sourceActivityName: scalar })),
  createdAt: scalar,
  updatedAt: scalar,
});

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
