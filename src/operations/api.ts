import { type INestApplication, ValidationPipe } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Config } from '../config/config.js';
import { version } from './version.js';

/** What every route shares: validation of bodies, and the API's own documentation outside production. */
export function setUpApi(app: INestApplication): void {
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
  if (app.get(Config).production) return;
  const description = new DocumentBuilder().setTitle('hbf-session-manager').setVersion(version).addBearerAuth();
  SwaggerModule.setup('api', app, () => SwaggerModule.createDocument(app, description.build()), {
    jsonDocumentUrl: 'api-json',
  });
}
