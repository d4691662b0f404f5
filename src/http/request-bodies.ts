import type { OpenAPIObject } from '@nestjs/swagger';
import { problemResponse } from './error-body.js';

/** What of a JSON Schema leads to further ones. */
interface Schema {
  $ref?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: unknown;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

const METHODS = ['post', 'put', 'patch'] as const;
const REFERENCE = '#/components/schemas/';

/**
 * Says of every request's body what holds for all of them: an object has no further members, since the validation
 * refuses what a DTO does not know (`forbidNonWhitelisted`), and the body may be refused with 413 and 415.
 */
export function describeRequestBodies(document: OpenAPIObject): OpenAPIObject {
  const close = closing(document.components?.schemas ?? {});
  for (const path of Object.values(document.paths)) {
    for (const method of METHODS) {
      const operation = path[method];
      const body = operation?.requestBody;
      if (!operation || !body || !('content' in body)) continue;
      for (const { schema } of Object.values(body.content)) close(schema);
      const types = Object.keys(body.content).join(' or ');
      operation.responses['413'] ??= problemResponse('The body is larger than 256 KB');
      operation.responses['415'] ??= problemResponse(`The body is not ${types}, or its encoding is not known`);
    }
  }
  return document;
}

/** @returns a function that closes the objects of a schema and of all that it refers to */
function closing(known: Readonly<Record<string, Schema>>): (schema: Schema | undefined) => void {
  const closed = new Set<Schema>();
  const close = (schema: Schema | undefined): void => {
    const meant = schema?.$ref === undefined ? schema : known[schema.$ref.slice(REFERENCE.length)];
    if (!meant || closed.has(meant)) return;
    closed.add(meant);
    if (meant.properties) meant.additionalProperties ??= false;
    const { properties = {}, items, oneOf = [], anyOf = [], allOf = [] } = meant;
    for (const part of [...Object.values(properties), items, ...oneOf, ...anyOf, ...allOf]) close(part);
  };
  return close;
}
