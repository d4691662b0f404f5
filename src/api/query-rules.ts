import { Transform } from 'class-transformer';
import { isISO8601, ValidateBy } from 'class-validator';
import { applyDecorators } from '@nestjs/common';
import { readCursor } from './cursor.js';
import { INTEGRATION_ID } from './schema-rules.js';

const INTEGRATION_NUMBER = new RegExp(INTEGRATION_ID);

/** Rules that several queries and bodies share. */

/** Weeks and days of the year, such as 2026-W47, are ISO 8601 too, but Date cannot read them. */
export function DateTime(): PropertyDecorator {
  const validate = (value: unknown) => isISO8601(value, { strict: true }) && !Number.isNaN(Date.parse(value as string));
  return check('isDateTime', validate, 'must be an ISO 8601 date-time, such as 2026-11-20T08:00:00Z');
}

export function Cursor(): PropertyDecorator {
  const validate = (value: unknown) => typeof value === 'string' && readCursor(value) !== undefined;
  return check('isCursor', validate, 'must be the nextCursor of the page before');
}

export function PageSize(): PropertyDecorator {
  const validate = (value: unknown) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 200;
  return check('isPageSize', validate, 'must be a whole number from 1 to 200');
}

/** Of a query: text becomes a number. */
export function IntegrationId(): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }) => (INTEGRATION_NUMBER.test(String(value)) ? Number(value) : value)),
    check(
      'isIntegrationId',
      (value) => Number.isInteger(value) && Number(value) > 0,
      'must be the number of an integration',
    ),
  );
}

function check(name: string, validate: (value: unknown) => boolean, message: string): PropertyDecorator {
  return ValidateBy({ name, validator: { validate, defaultMessage: () => message } });
}
