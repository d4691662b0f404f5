import type { OpenAPIObject } from '@nestjs/swagger';

/** What of a JSON Schema leads to further ones. */
interface Schema {
  $ref?: string;
  type?: unknown;
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
 * Says of every object in a request's body that it has no further members: the validation refuses what a DTO does not
 * know (`forbidNonWhitelisted`), and Nest has no decorator that says so.
 */
export function closeRequestBodies(document: OpenAPIObject): OpenAPIObject {
  const known = (document.components?.schemas ?? {}) as Record<string, Schema>;
  const closed = new Set<Schema>();

  const close = (schema: Schema | undefined): void => {
    const meant = schema?.$ref === undefined ? schema : known[schema.$ref.slice(REFERENCE.length)];
    if (!meant || closed.has(meant)) return;
    closed.add(meant);
    if (meant.properties) meant.additionalProperties ??= false;
    const parts = [...Object.values(meant.properties ?? {}), meant.items];
    for (const part of [...parts, ...(meant.oneOf ?? []), ...(meant.anyOf ?? []), ...(meant.allOf ?? [])]) close(part);
  };

  for (const path of Object.values(document.paths)) {
    for (const method of METHODS) {
      const body = path[method]?.requestBody;
      if (!body || !('content' in body)) continue;
      for (const { schema } of Object.values(body.content)) close(schema as Schema);
    }
  }
  return document;
}
