import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { version } from '../config/version.js';
import { describeRequestBodies } from './request-bodies.js';

/** What the document tells beside the routes: what the service sends, and the schemas of that. */
export interface PublishedBodies {
  webhooks: NonNullable<OpenAPIObject['webhooks']>;
  /** Added to `components.schemas`. */
  schemas: Readonly<Record<string, object>>;
}

/** How the API is documented. */
export interface ApiDocumentation {
  /** Serve Swagger UI, too. */
  ui: boolean;
  /** Called once, when the document is first asked for. */
  published: () => PublishedBodies;
}

/** In the order in which a newcomer needs them. */
const TAGS: readonly (readonly [name: string, description: string])[] = [
  ['HBF-Sessions', "An organization's integrations: the webhooks that its ended sessions are posted to."],
  ['Signing secrets', 'What receivers verify webhooks with (Standard Webhooks).'],
  [
    'Deliveries',
    'What was sent of each session, to whom, with which outcome; sending it again, and trying an endpoint.',
  ],
  ['Redeliveries', 'Requests to send many deliveries again, and how far they have come.'],
  ['HBF-Sessions-Errors', 'The failed attempts of an integration.'],
  ['Webhooks', 'What the service sends; docs/webhooks.md tells more.'],
  ['Operations', 'For operators: health, metrics, and checks on demand.'],
];

/** Serves the OpenAPI document of the REST API and of the webhooks at /api-json, and Swagger UI at /api. */
export function documentApi(app: INestApplication, { ui, published }: ApiDocumentation): void {
  const document = () => apiDocument(app, published());
  SwaggerModule.setup('api', app, document, { jsonDocumentUrl: 'api-json', ui, raw: ['json'] });
}

/** The application need not have been initialised: tools/lint-api.mjs reads this without a database. */
export function apiDocument(app: INestApplication, { webhooks, schemas }: PublishedBodies): OpenAPIObject {
  const description = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('hbf-session-manager')
    .setDescription('Completes the chat sessions that have ended, and delivers what follows.')
    .setVersion(version)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer('/', 'The service that this document comes from; the examples work in the sandbox')
    .addBearerAuth();
  for (const [name, about] of TAGS) description.addTag(name, about);
  const built = description.build();
  const info = { ...built.info, contact: { name: 'The operators of this installation' } };
  const made = SwaggerModule.createDocument(app, { ...built, info, webhooks });
  Object.assign(((made.components ??= {}).schemas ??= {}), schemas);
  return describeRequestBodies(made);
}
