import { createHash } from 'node:crypto';
import type { Field, Shape, Structure } from './field.js';
import { BODIES, structuresOf } from './payload-schema.js';

/** JSON Schema 2020-12, as OpenAPI 3.1 has it. */
export type JsonSchema = { readonly [keyword: string]: unknown };

const NULL = { type: 'null' };

/** Where the schema of a structure stands in the OpenAPI document. */
export function schemaRef({ name }: Structure): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

/** The schemas of all bodies and of what they are made of, by name: components of the OpenAPI document. */
export function publishedSchemas(): Record<string, JsonSchema> {
  return Object.fromEntries(BODIES.flatMap(structuresOf).map((structure) => [structure.name, schemaOf(structure)]));
}

/**
 * Changes with every change of the published schemas, and not with their descriptions. docs/webhooks.md notes it beside
 * each change.
 */
export function schemaFingerprint(): string {
  const withoutTexts = JSON.stringify(publishedSchemas(), (name, value: unknown) =>
    name === 'description' && typeof value === 'string' ? undefined : value,
  );
  return createHash('sha256').update(withoutTexts).digest('hex').slice(0, 12);
}

function schemaOf({ about, fields }: Structure): JsonSchema {
  const all = Object.entries(fields);
  const required = all.filter(([, field]) => field.absent === undefined).map(([name]) => name);
  return {
    type: 'object',
    description: about,
    properties: Object.fromEntries(all.map(([name, field]) => [name, propertyOf(field)])),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

function propertyOf(field: Field): JsonSchema {
  const schema = shapeOf(field);
  const description = describe(field);
  if (!field.nullable || field.kind === 'any') return { ...schema, description };
  if (field.kind === 'object') return { anyOf: [schema, NULL], description };
  return { ...schema, type: [schema['type'], 'null'], description };
}

function shapeOf(shape: Shape): JsonSchema {
  switch (shape.kind) {
    case 'text':
      if (shape.only) return { type: 'string', enum: shape.only };
      return { type: 'string', ...(shape.format && { format: shape.format }) };
    case 'integer':
      return { type: 'integer', ...(shape.minimum !== undefined && { minimum: shape.minimum }) };
    case 'flag':
      return { type: 'boolean', ...(shape.only && { const: shape.only }) };
    case 'any':
      return {};
    case 'map':
      return { type: 'object', additionalProperties: { type: 'integer' } };
    case 'object':
      return schemaRef(shape.of);
    case 'list':
      return { type: 'array', items: shapeOf(shape.of) };
  }
}

function describe(field: Field): string {
  const { means, unit, absent, from } = field;
  const sentences = [means, unit && `In ${unit}`, knownOf(field), absent && `Absent: ${absent}`, `From: ${from}`];
  return sentences
    .filter((sentence) => sentence !== undefined && sentence !== '')
    .map((sentence) => `${sentence}.`)
    .join(' ');
}

/** The values that a field is known to have. hbf-core may add others. */
export function knownOf(field: Field): string | undefined {
  if (field.kind !== 'text' || !field.known) return undefined;
  return `Known values: ${field.known.join(', ')}; there may be others`;
}
