import { IntegrationsFixture } from '../fixtures/integrations.js';

/**
 * The facts that clients of the published API rely on. Ours may say more (further routes, answers, optional properties)
 * and must not say less or otherwise.
 */
type PropertyFact = 'string' | 'number' | 'boolean' | 'date-time' | 'string[]' | 'HeaderDto[]';

const ORG = { orgId: 'string' } as const;
const ONE = { orgId: 'string', integrationId: 'string' } as const;

interface OperationFact {
  route: string;
  operationId: string;
  tag: string;
  parameters: Record<string, string>;
  request?: string;
  status: string;
  /** The schema of the answer; with [] a list of it. */
  answer?: string;
}

const OPERATIONS: OperationFact[] = [
  {
    route: 'post /organizations/{orgId}/integrations',
    operationId: 'SessionsController_createIntegration',
    tag: 'HBF-Sessions',
    parameters: ORG,
    request: 'IntegrationDto',
    status: '201',
    answer: 'IntegrationResource',
  },
  {
    route: 'get /organizations/{orgId}/integrations',
    operationId: 'SessionsController_listIntegrations',
    tag: 'HBF-Sessions',
    parameters: ORG,
    status: '200',
    answer: 'IntegrationResource[]',
  },
  {
    route: 'get /organizations/{orgId}/integrations/{integrationId}',
    operationId: 'SessionsController_getIntegration',
    tag: 'HBF-Sessions',
    parameters: ONE,
    status: '200',
    answer: 'IntegrationResource',
  },
  {
    route: 'put /organizations/{orgId}/integrations/{integrationId}',
    operationId: 'SessionsController_replaceIntegration',
    tag: 'HBF-Sessions',
    parameters: ONE,
    request: 'IntegrationDto',
    status: '200',
    answer: 'IntegrationResource',
  },
  {
    route: 'delete /organizations/{orgId}/integrations/{integrationId}',
    operationId: 'SessionsController_deleteIntegration',
    tag: 'HBF-Sessions',
    parameters: ONE,
    status: '204',
  },
  {
    route: 'get /organizations/{orgId}/integrations/errors/{integrationId}',
    operationId: 'SessionsErrorController_listErrors',
    tag: 'HBF-Sessions-Errors',
    parameters: { orgId: 'string', integrationId: 'number' },
    status: '200',
    answer: 'SessionIntegrationError[]',
  },
];

/** Schema → property → type; a trailing ? marks what is not required. */
const SCHEMAS: Record<string, Record<string, PropertyFact>> = {
  HeaderDto: { name: 'string', value: 'string' },
  IntegrationDto: {
    url: 'string',
    tenants: 'string[]',
    'headers?': 'HeaderDto[]',
    enabled: 'boolean',
    errorEmailRecipients: 'string[]',
  },
  IntegrationResource: {
    id: 'number',
    url: 'string',
    tenants: 'string[]',
    headers: 'HeaderDto[]',
    enabled: 'boolean',
    errorEmailRecipients: 'string[]',
    createdAt: 'date-time',
    createdBy: 'string',
    modifiedAt: 'date-time',
    modifiedBy: 'string',
  },
  SessionIntegrationError: {},
};

interface Schema {
  type?: string;
  format?: string;
  $ref?: string;
  items?: Schema;
  required?: string[];
  properties?: Record<string, Schema>;
  example?: unknown;
}

interface Content {
  required?: boolean;
  content?: Record<string, { schema: Schema }>;
}

interface Operation {
  parameters: { name: string; in: string; required: boolean; schema: Schema }[];
  requestBody?: Content;
  responses: Record<string, Content>;
}

interface ApiDocument {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, unknown> };
}

let fixture: IntegrationsFixture;
let document: ApiDocument;

beforeAll(async () => {
  fixture = await IntegrationsFixture.start('api-contract-e2e');
  const answer = await fixture.call<ApiDocument>('GET', '/api-json', { token: null });
  expect(answer.status).toBe(200);
  document = answer.body;
});
afterAll(() => fixture.stop());

const schemaName = (schema?: Schema): string | undefined => {
  if (schema?.type === 'array') return `${schemaName(schema.items)}[]`;
  return schema?.$ref?.replace('#/components/schemas/', '') ?? schema?.format ?? schema?.type;
};

const jsonOf = (holder?: Content): Schema | undefined => holder?.content?.['application/json']?.schema;
const problemOf = (holder?: Content): Schema | undefined => holder?.content?.['application/problem+json']?.schema;

describe('the OpenAPI document, held against the published contract', () => {
  it.each(OPERATIONS)('$route', ({ route, operationId, tag, parameters, request, status, answer }) => {
    const [method, path] = route.split(' ') as [string, string];
    const operation = document.paths[path]![method]!;
    expect(operation).toMatchObject({ operationId, tags: [tag], security: [{ bearer: [] }] });
    const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
    expect(Object.fromEntries(inPath.map((one) => [one.name, one.schema.type]))).toEqual(parameters);
    expect(inPath.every((one) => one.required)).toBe(true);
    const others = operation.parameters.filter((one) => one.in !== 'path');
    expect(others.filter((one) => one.required)).toEqual([]);
    expect(schemaName(jsonOf(operation.requestBody))).toBe(request);
    expect(operation.requestBody?.required).toBe(request && true);
    expect(schemaName(jsonOf(operation.responses[status]))).toBe(answer);
    const successes = Object.keys(operation.responses).filter((code) => code < '400');
    expect(successes).toEqual([status]);
  });

  it.each(Object.entries(SCHEMAS))('%s', (name, properties) => {
    const schema = document.components.schemas[name]!;
    expect(schema.type).toBe('object');
    const required = Object.keys(properties).filter((property) => !property.endsWith('?'));
    const ours: string[] = schema.required ?? [];
    expect(ours).toEqual(expect.arrayContaining(required));
    for (const [property, type] of Object.entries(properties)) {
      const plain = property.replace('?', '');
      expect([plain, schemaName(schema.properties?.[plain])]).toEqual([plain, type]);
      if (property.endsWith('?')) expect(ours).not.toContain(plain);
    }
  });

  it('requires nothing in a request that the contract does not know', () => {
    for (const name of ['IntegrationDto', 'HeaderDto']) {
      const known = Object.keys(SCHEMAS[name]!).map((property) => property.replace('?', ''));
      expect(Object.keys(document.components.schemas[name]!.properties!).sort()).toEqual(known.sort());
    }
  });

  it('declares the bearer scheme', () => {
    expect(document.components.securitySchemes['bearer']).toEqual({
      scheme: 'bearer',
      bearerFormat: 'JWT',
      type: 'http',
    });
  });

  it('documents every refusal, with the one error body', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      if (!/^\/(organizations|operations)\//.test(path)) continue;
      for (const [method, { responses }] of Object.entries(methods)) {
        expect([method, path, Object.keys(responses)]).toEqual([
          method,
          path,
          expect.arrayContaining(['401', '403', '429', '500', '503']),
        ]);
        for (const [code, response] of Object.entries(responses)) {
          if (code < '400') continue;
          expect([path, code, schemaName(problemOf(response))]).toEqual([path, code, 'ErrorBody']);
          expect(Object.keys(response.content!)).toEqual(['application/problem+json']);
        }
      }
    }
  });

  it('has an error body that says what the contract says, and more', () => {
    const { properties, required } = document.components.schemas['ErrorBody']!;
    expect([properties!['statusCode']!.type, properties!['error']!.type]).toEqual(['number', 'string']);
    expect(required).toEqual(expect.arrayContaining(['statusCode', 'error', 'message', 'type', 'title', 'status']));
    expect(required).not.toContain('errors');
  });

  it('gives an example for every property that a caller writes', () => {
    for (const name of ['IntegrationDto', 'HeaderDto']) {
      const properties = Object.values(document.components.schemas[name]!.properties!);
      expect(properties.filter((property) => property.example === undefined)).toEqual([]);
    }
  });
});

describe('real answers', () => {
  it('have the types that the contract tells', async () => {
    const created: Record<string, unknown> = { ...(await fixture.create()) };
    const types = { string: 'string', number: 'number', boolean: 'boolean', 'date-time': 'string' } as const;
    for (const [property, type] of Object.entries(SCHEMAS['IntegrationResource']!)) {
      if (type.endsWith('[]')) expect([property, Array.isArray(created[property])]).toEqual([property, true]);
      else expect([property, typeof created[property]]).toEqual([property, types[type as keyof typeof types]]);
    }
  });
});
