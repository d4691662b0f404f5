import { type INestApplication, ValidationPipe } from '@nestjs/common';
import { useContainer } from 'class-validator';
import { BodyPipe } from './body.pipe.js';
import { ViolationsException, violationsOf } from './violations.js';

/**
 * How every request is validated: the type of a controller's parameter (`@Body() dto: IntegrationDto`) is the rule, and
 * a member that the type does not know is refused. One answer names every violation.
 *
 * A rule that needs a provider, such as Config, is a constraint class that a module provides: class-validator asks the
 * application for it. That container is one for the process: of two applications in it, the one that started last.
 */
export function setUpValidation(app: INestApplication): void {
  useContainer(app, { fallbackOnErrors: true });
  app.useGlobalPipes(new BodyPipe(), strictValidation());
}

function strictValidation(): ValidationPipe {
  return new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    transform: true,
    exceptionFactory: (errors) => new ViolationsException(violationsOf(errors)),
  });
}
