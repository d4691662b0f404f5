import { stubOf } from '../../test/support/stub.js';
import { readChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient } from '../platform/core/core.client.js';
import { TenantDirectory } from '../platform/core/tenant-directory.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { SessionGoneError, PayloadSource } from './payload-source.js';

const COMPLETION = { sessionId: 's1', revision: 1, organizationId: 'o1', tenantId: 't1' };
const SESSION = { id: 's1', status: 'ACTIVE', lastInteraction: '2026-01-01T00:00:00.000Z', subscriberHandle: 'h1' };

function tenant(hasCrm: boolean): Tenant {
  return {
    id: 't1',
    organizationId: 'o1',
    expireAfterSeconds: undefined,
    analyzesSessions: false,
    hasCrm,
    publicFields: {},
  };
}

describe('PayloadSource', () => {
  const contacts: string[] = [];
  let known: unknown;

  const core = stubOf(CoreClient, {
    getContact: (_organization: string, _tenant: string, handle: string) => {
      contacts.push(handle);
      return Promise.resolve([{ fullName: 'Anna Kosta' }]);
    },
    getSession: () => Promise.resolve(known === undefined ? undefined : readChatSession(known)),
  });
  const tenants = stubOf(TenantDirectory, { find: () => Promise.resolve(tenant(false)) });

  beforeEach(() => {
    contacts.length = 0;
    known = undefined;
  });

  const inMemory = (raw: Record<string, unknown>, hasCrm: boolean) =>
    new PayloadSource(COMPLETION, core, tenants, {
      session: readChatSession(raw),
      tenant: tenant(hasCrm),
    });
  const read = async (source: PayloadSource) => JSON.parse(String(await source.payload())) as unknown;

  it("serialises a session in the check's memory at once", async () => {
    const raw: Record<string, unknown> = { ...SESSION, language: 'el' };
    const source = inMemory(raw, false);
    raw['language'] = 'changed afterwards';
    expect(await read(source)).toMatchObject({ id: 's1', status: 'COMPLETED', language: 'el', contacts: [] });
    expect(await source.payload()).toBe(await source.payload());
  });

  it('looks a contact up when the first delivery asks, and once', async () => {
    const source = inMemory(SESSION, true);
    expect(contacts).toEqual([]);
    const both = await Promise.all([source.payload(), source.payload()]);
    expect(contacts).toEqual(['h1']);
    expect(both[0]).toBe(both[1]);
    expect(await read(source)).toMatchObject({ contacts: [{ fullName: 'Anna Kosta' }] });
  });

  it('reads a session again that is no longer in memory, and says when it is gone', async () => {
    known = SESSION;
    expect(await read(new PayloadSource(COMPLETION, core, tenants))).toMatchObject({ id: 's1', contacts: [] });
    known = undefined;
    await expect(new PayloadSource(COMPLETION, core, tenants).payload()).rejects.toBeInstanceOf(SessionGoneError);
  });

  it('fails for the delivery that asks, and for no other, when a session cannot be serialised', async () => {
    const unreadable = {
      toJSON: () => {
        throw new Error('unreadable');
      },
    };
    const source = inMemory({ ...SESSION, metadata: { subscriberCustomData: unreadable } }, false);
    await new Promise((resolve) => setImmediate(resolve)); // an unhandled rejection would end the process here
    await expect(source.payload()).rejects.toThrow('unreadable');
  });
});
