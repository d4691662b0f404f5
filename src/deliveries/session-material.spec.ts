import { readChatSession } from '../platform/core/chat-session.dto.js';
import type { CoreClient } from '../platform/core/core.client.js';
import type { TenantDirectory } from '../platform/core/tenant-directory.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { SessionGoneError, SessionMaterial } from './session-material.js';

const COMPLETION = { sessionId: 's1', revision: 1, organizationId: 'o1', tenantId: 't1' };
const SESSION = { id: 's1', status: 'ACTIVE', lastInteraction: '2026-01-01T00:00:00.000Z', subscriberHandle: 'h1' };

function tenant(hasCrm: boolean): Tenant {
  return { id: 't1', organizationId: 'o1', hasCrm, publicFields: {} } as unknown as Tenant;
}

describe('SessionMaterial', () => {
  const contacts: string[] = [];
  let known: unknown;

  const core = {
    getContact: (_organization: string, _tenant: string, handle: string) => {
      contacts.push(handle);
      return Promise.resolve([{ fullName: 'Anna Kosta' }]);
    },
    getSession: () => Promise.resolve(known === undefined ? undefined : readChatSession(known)),
  } as unknown as CoreClient;
  const tenants = { find: () => Promise.resolve(tenant(false)) } as unknown as TenantDirectory;

  beforeEach(() => {
    contacts.length = 0;
    known = undefined;
  });

  const inMemory = (raw: Record<string, unknown>, hasCrm: boolean) =>
    new SessionMaterial(COMPLETION, core, tenants, {
      session: readChatSession(raw),
      tenant: tenant(hasCrm),
    });
  const read = async (material: SessionMaterial) => JSON.parse(String(await material.payload())) as unknown;

  it('serialises at once what the check has in memory', async () => {
    const raw: Record<string, unknown> = { ...SESSION, language: 'el' };
    const material = inMemory(raw, false);
    raw['language'] = 'changed afterwards';
    expect(await read(material)).toMatchObject({ id: 's1', status: 'COMPLETED', language: 'el', contacts: [] });
    expect(await material.payload()).toBe(await material.payload());
  });

  it('looks a contact up when the first delivery asks, and once', async () => {
    const material = inMemory(SESSION, true);
    expect(contacts).toEqual([]);
    const both = await Promise.all([material.payload(), material.payload()]);
    expect(contacts).toEqual(['h1']);
    expect(both[0]).toBe(both[1]);
    expect(await read(material)).toMatchObject({ contacts: [{ fullName: 'Anna Kosta' }] });
  });

  it('reads a session again that is no longer in memory, and says when it is gone', async () => {
    known = SESSION;
    expect(await read(new SessionMaterial(COMPLETION, core, tenants))).toMatchObject({ id: 's1', contacts: [] });
    known = undefined;
    await expect(new SessionMaterial(COMPLETION, core, tenants).payload()).rejects.toBeInstanceOf(SessionGoneError);
  });

  it('tells who asks for it, and nobody else, that a session cannot be serialised', async () => {
    const unreadable = {
      toJSON: () => {
        throw new Error('unreadable');
      },
    };
    const material = inMemory({ ...SESSION, metadata: { subscriberCustomData: unreadable } }, false);
    await new Promise((resolve) => setImmediate(resolve)); // an unhandled rejection would end the process here
    await expect(material.payload()).rejects.toThrow('unreadable');
  });
});
