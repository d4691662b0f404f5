import type { Document, MongoClient } from 'mongodb';
import { newestErrors } from '../../src/integrations/integration-errors.repository.js';
import type { ErrorBody } from '../../src/operations/error-body.js';
import { connect, dropDatabase, testDatabaseUri } from '../support/database.js';
import { PlatformSimulator } from '../support/platform-simulator.js';
import { serviceEnvironment } from '../support/service-environment.js';
import { type RunningService, startService } from '../support/service-in-process.js';

/** Tokens of the people who call, and what hbf-core says of each. */
export const TOKENS = {
  admin: 'token-admin-of-org1',
  colleague: 'token-second-admin-of-org1',
  moderator: 'token-moderator',
  foreignAdmin: 'token-admin-of-org2',
  viewer: 'token-viewer-of-org1',
  nobody: 'token-of-nobody',
} as const;

/** An integration as JSON. */
export interface Shown {
  id: number;
  url: string;
  tenants: string[];
  headers: { name: string; value: string }[];
  enabled: boolean;
  errorEmailRecipients: string[];
  createdAt: string;
  createdBy: string;
  modifiedAt: string;
  modifiedBy: string;
}

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
  text: string;
}

export interface CallOptions {
  /** The admin's, unless given; null: none. */
  token?: string | null;
  /** Sent as JSON; a string or buffer as it stands. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** The service with organizations org1 (tenants t1 to t3) and org2 (tenant u1), and people of every kind. */
export class IntegrationsFixture {
  private constructor(
    readonly platform: PlatformSimulator,
    readonly service: RunningService,
    private readonly mongo: MongoClient,
  ) {}

  static async start(name: string, env: Record<string, string> = {}): Promise<IntegrationsFixture> {
    const databaseUri = testDatabaseUri(name);
    await dropDatabase(databaseUri);
    const platform = await PlatformSimulator.start();
    for (const id of ['t1', 't2', 't3']) platform.core.addTenant({ id, organizationId: 'org1' });
    platform.core.addTenant({ id: 'u1', organizationId: 'org2' });
    addPeople(platform);
    const more = { API_RATE_LIMIT_PER_MIN: '1000000', SESSION_SERVICE_REQUEST_TIMEOUT: '500', ...env };
    try {
      const service = await startService(serviceEnvironment(platform, databaseUri, more));
      return new IntegrationsFixture(platform, service, await connect(databaseUri));
    } catch (error) {
      await platform.stop(); // or jest would wait for it
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.platform.stop();
    await this.mongo.close();
  }

  stored(collection: string, filter: Document): Promise<Document[]> {
    return this.mongo.db().collection(collection).find(filter).toArray();
  }

  async change(collection: string, filter: Document, update: Document): Promise<void> {
    const { matchedCount } = await this.mongo.db().collection(collection).updateOne(filter, update);
    expect(matchedCount).toBe(1);
  }

  async insert(collection: string, documents: Document[]): Promise<void> {
    await this.mongo.db().collection(collection).insertMany(documents);
  }

  /** How many documents the engine reads for the list of an integration's errors. */
  async examinedByErrorList(organizationId: string, id: number): Promise<number> {
    const pipeline = newestErrors(organizationId, id);
    const plan = await this.mongo.db().collection('integrations').aggregate(pipeline).explain('executionStats');
    const figures = [...JSON.stringify(plan).matchAll(/"(?:totalDocsExamined|docsExamined)":(?:\{"low":)?(\d+)/g)];
    return Math.max(...figures.map((figure) => Number(figure[1])));
  }

  async call<T = ErrorBody>(
    method: string,
    path: string,
    { token = TOKENS.admin, body, headers }: CallOptions = {},
  ): Promise<Answer<T>> {
    const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
    const response = await fetch(`${this.service.url}${path}`, {
      method,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: raw ? (body as string | undefined) : JSON.stringify(body),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('application/json') ?? false;
    return {
      status: response.status,
      headers: response.headers,
      body: (json ? JSON.parse(text) : undefined) as T,
      text,
    };
  }

  /** @returns the answer's body; fails unless it is 201 */
  async create(changes: Record<string, unknown> = {}, organizationId = 'org1'): Promise<Shown> {
    const token = organizationId === 'org1' ? TOKENS.admin : TOKENS.foreignAdmin;
    const answer = await this.call<Shown>('POST', `/organizations/${organizationId}/integrations`, {
      token,
      body: integration(changes),
    });
    expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
    return answer.body;
  }
}

/** A valid integration of org1. */
export function integration(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    url: 'https://hooks.example.com/sessions',
    tenants: ['t1', 't2'],
    headers: [{ name: 'X-Api-Key', value: 'PLANTED-header-value' }],
    enabled: true,
    errorEmailRecipients: ['ops@example.com'],
    ...changes,
  };
}

function addPeople({ core }: PlatformSimulator): void {
  const admin = (org: string) => ({ [org]: ['HBF_ORG_VIEWER', 'HBF_ORG_ADMIN'] });
  core.addUser({ token: TOKENS.admin, id: 'ada', email: 'ada@org1.example', organizationRoles: admin('org1') });
  core.addUser({ token: TOKENS.colleague, id: 'bob', email: 'bob@org1.example', organizationRoles: admin('org1') });
  core.addUser({ token: TOKENS.moderator, id: 'mod', email: 'mod@platform.example', isModerator: true });
  core.addUser({ token: TOKENS.foreignAdmin, id: 'eve', email: 'eve@org2.example', organizationRoles: admin('org2') });
  core.addUser({ token: TOKENS.viewer, id: 'vic', organizationRoles: { org1: ['HBF_ORG_VIEWER'] } });
}
