import { stubOf } from '../../test/support/stub.js';
import { readChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient } from '../platform/core/core.client.js';
import { MemoryBudget } from '../platform/memory-budget.js';
import { PlatformError } from '../platform/platform-error.js';
import type { Reservation } from '../platform/reservation.js';
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

  describe('in the memory budget', () => {
    let budget: MemoryBudget;
    beforeEach(() => (budget = new MemoryBudget({ sessionMemoryBudgetMb: 16 })));

    it('has what its body takes, until it is closed', async () => {
      const room = await budget.reserve(1_000_000);
      const session = readChatSession(SESSION);
      const source = new PayloadSource(COMPLETION, core, tenants, { session, tenant: tenant(false), room });
      expect([budget.reserved, source.bodyInMemory]).toEqual([(await source.payload()).length, await source.payload()]);
      source.close();
      source.close();
      expect(budget.reserved).toBe(0);
    });

    it('reads a session again in a reservation, of which the body stays', async () => {
      known = SESSION;
      const source = new PayloadSource(COMPLETION, core, tenants, { budget });
      expect(source.bodyInMemory).toBeUndefined();
      const { length } = await source.payload();
      expect(budget.reserved).toBe(length);
      source.close();
      expect(budget.reserved).toBe(0);
    });

    it('gives back what it has reserved when it was closed before, and when there is no body', async () => {
      known = SESSION;
      const source = new PayloadSource(COMPLETION, core, tenants, { budget });
      const payload = source.payload();
      source.close();
      await payload;
      known = undefined;
      const gone = new PayloadSource(COMPLETION, core, tenants, { budget });
      await expect(gone.payload()).rejects.toBeInstanceOf(SessionGoneError);
      gone.close();
      expect(budget.reserved).toBe(0);
    });

    it('reads alone what does not fit', async () => {
      const rooms: boolean[] = [];
      const strict = stubOf(CoreClient, {
        getSession: (_id, _options, room) => {
          rooms.push((room as Reservation).alone);
          if (room?.growTo(20 * 1024 * 1024) === true) return Promise.resolve(readChatSession(SESSION));
          const facts = {
            service: 'hbf-core',
            route: '/chat-sessions/{id}',
            kind: 'no-room',
            code: 'no_room',
          } as const;
          return Promise.reject(new PlatformError(facts));
        },
      });
      const source = new PayloadSource(COMPLETION, strict, tenants, { budget });
      expect([await read(source), rooms]).toEqual([expect.objectContaining({ id: 's1' }), [false, true]]);
    });

    it('says that there was no room in time: the delivery is postponed, and nobody is to blame', async () => {
      jest.useFakeTimers();
      await budget.reserve(budget.limit);
      const source = new PayloadSource(COMPLETION, core, tenants, { budget });
      const failure = expect(source.payload()).rejects.toMatchObject({ kind: 'no-room', code: 'no_room' });
      await jest.advanceTimersByTimeAsync(10_000);
      await failure;
      jest.useRealTimers();
    });

    it('does not read again what is still in memory', async () => {
      const body = Buffer.from('{}');
      const source = new PayloadSource(COMPLETION, core, tenants, { budget, body });
      expect([await source.payload(), source.bodyInMemory, budget.reserved]).toEqual([body, body, 0]);
    });
  });
});
