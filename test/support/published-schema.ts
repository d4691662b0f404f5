import addFormats from 'ajv-formats';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** Holds a body against one of the schemas by its name. @returns what is wrong with it; empty: nothing */
export type CheckBody = (schema: string, body: unknown) => string[];

/**
 * Checks bodies strictly against published schemas: a schema with a mistake throws, and the formats are checked, too.
 *
 * @param schemas those of `components.schemas` of an OpenAPI 3.1 document that belong to bodies
 */
export function checkerOf(schemas: Readonly<Record<string, object>>): CheckBody {
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  addFormats(ajv);
  ajv.addVocabulary(['components']);
  ajv.addSchema({ $id: 'api', components: { schemas } });
  return (schema, body) => {
    const validate = ajv.getSchema(`api#/components/schemas/${schema}`);
    if (!validate) throw new Error(`there is no schema ${schema}`);
    if (validate(body)) return [];
    return (validate.errors ?? []).map(({ instancePath, message, params }) => {
      return `${instancePath} ${message} ${JSON.stringify(params)}`;
    });
  };
}
