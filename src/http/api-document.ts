import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { version } from '../config/version.js';

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

/** Serves the OpenAPI document of the REST API and of the webhooks at /api-json, and Swagger UI at /api. */
export function documentApi(app: INestApplication, { ui, published }: ApiDocumentation): void {
  const description = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('hbf-session-manager')
    .setDescription('Completes the chat sessions that have ended, and delivers what follows.')
    .setVersion(version)
    .addBearerAuth();
  const document = () => {
    const { webhooks, schemas } = published();
    const made = SwaggerModule.createDocument(app, { ...description.build(), webhooks });
    Object.assign(((made.components ??= {}).schemas ??= {}), schemas);
    return made;
  };
  SwaggerModule.setup('api', app, document, { jsonDocumentUrl: 'api-json', ui, raw: ['json'] });
}
