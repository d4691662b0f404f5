import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { version } from '../config/version.js';

/**
 * Serves the OpenAPI document of the REST API at /api-json, and Swagger UI at /api.
 *
 * @param ui whether there is Swagger UI; the document is for programs and always there
 */
export function documentApi(app: INestApplication, { ui }: { ui: boolean }): void {
  SwaggerModule.setup('api', app, () => apiDocument(app), { ui, raw: ['json'], jsonDocumentUrl: 'api-json' });
}

/** The application need not have been initialised: tools/api-document.mjs lints this without a database. */
export function apiDocument(app: INestApplication): OpenAPIObject {
  const description = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('hbf-session-manager')
    .setDescription('Completes the chat sessions that have ended, and delivers what follows.')
    .setVersion(version)
    .addBearerAuth();
  return SwaggerModule.createDocument(app, description.build());
}
