import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { version } from '../config/version.js';
import { closeRequestBodies } from './closed-bodies.js';

/** In the order in which a newcomer needs them. */
const TAGS: readonly (readonly [name: string, description: string])[] = [
  ['HBF-Sessions', "An organization's integrations: the webhooks that its ended sessions are posted to."],
  ['Signing secrets', 'What receivers verify webhooks with (Standard Webhooks).'],
  [
    'Deliveries',
    'What was sent of each session, to whom, with which outcome; sending it again, and trying an endpoint.',
  ],
  ['HBF-Sessions-Errors', 'The failed attempts of an integration.'],
  ['Operations', 'For operators: health, metrics, and checks on demand.'],
];

/**
 * Serves the OpenAPI document of the REST API at /api-json, and Swagger UI at /api.
 *
 * @param ui whether there is Swagger UI; the document is for programs and always there
 */
export function documentApi(app: INestApplication, { ui }: { ui: boolean }): void {
  SwaggerModule.setup('api', app, () => apiDocument(app), { ui, raw: ['json'], jsonDocumentUrl: 'api-json' });
}

/** The application need not have been initialised: tools/lint-api.mjs reads this without a database. */
export function apiDocument(app: INestApplication): OpenAPIObject {
  const description = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('hbf-session-manager')
    .setDescription('Completes the chat sessions that have ended, and delivers what follows.')
    .setVersion(version)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer('/', 'The service that this document comes from; the examples work in the sandbox')
    .addBearerAuth();
  for (const [name, about] of TAGS) description.addTag(name, about);
  return closeRequestBodies(SwaggerModule.createDocument(app, description.build()));
}
