import { type ExampleOf, exampleSession, exampleSurvey } from './example-session.js';
import { flowBody, sessionBody } from './session-body.js';
import { buildSurveyPayload } from './survey-payload.js';

/** The body of a test call, made by the code that makes those of real sessions: an example in everything but its facts. */
export function exampleWebhookBody(of: ExampleOf): Buffer {
  return sessionBody({ ...exampleSession(of), revision: 1, test: true });
}

/** What the published document and docs/webhooks.md show. */
const SHOWN: ExampleOf = {
  organizationId: 'example-organization',
  tenantId: 'example-tenant',
  sessionId: '0b8f6f0e-3c1d-4f57-9d4e-2f6f3a1c9b7d',
  at: Date.UTC(2026, 0, 15, 9, 30),
};

/** An example of each published body, by the name of its schema. */
export function exampleBodies(): Record<string, unknown> {
  const webhook = sessionBody({ ...exampleSession(SHOWN), revision: 1 });
  return {
    ChatSessionCompleted: parse([webhook]),
    ChatSessionCompletedTrigger: parse([flowBody(webhook)].flat()),
    SurveyCompletedTrigger: buildSurveyPayload(exampleSurvey(SHOWN)),
  };
}

function parse(parts: readonly Buffer[]): unknown {
  return JSON.parse(Buffer.concat(parts).toString());
}
