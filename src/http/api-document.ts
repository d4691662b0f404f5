import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { version } from '../config/version.js';

/** Serves the OpenAPI document of the REST API at /api-json, and Swagger UI at /api. */
export function documentApi(app: INestApplication): void {
  const description = new DocumentBuilder()
    .setTitle('hbf-session-manager')
    .setDescription('Completes the chat sessions that have ended, and delivers what follows.')
    .setVersion(version)
    .addBearerAuth();
  SwaggerModule.setup('api', app, () => SwaggerModule.createDocument(app, description.build()), {
    jsonDocumentUrl: 'api-json',
  });
}
