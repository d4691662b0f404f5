import { stubOf } from '../../test/support/stub.js';
import { Heartbeat } from '../persistence/heartbeat.js';
import { ownerOf, Shares } from './shares.js';

const TENANTS = Array.from({ length: 5_000 }, (_, n) => `tenant-${n}`);
/** Start ids as `randomUUID` makes them. */
const MEMBERS = [
  '2f1c9a52-6f0b-4c53-9a0e-0d8f4b1f7c11',
  '7d0e4b8a-93c5-4d2e-8f61-5a2b9c3d4e12',
  'b38a1f6d-20e4-4b97-a7c8-91e0d2f3a413',
  'e94c7d21-5b6f-4a08-b2d9-3c4e5f6a7b14',
];

const owners = (members: readonly string[]) => new Map(TENANTS.map((tenant) => [tenant, ownerOf(tenant, members)]));

function sizes(members: readonly string[]): number[] {
  const all = [...owners(members).values()];
  return members.map((member) => all.filter((owner) => owner === member).length);
}

describe('the share of a member', () => {
  it('is a quarter of 5,000 tenants for each of four, within 5 %', () => {
    for (const size of sizes(MEMBERS)) expect(Math.abs(size - 1_250)).toBeLessThanOrEqual(0.05 * 1_250);
  });

  it('is alike for any number of members', () => {
    for (let members = 1; members <= 16; members++) {
      const ids = Array.from({ length: members }, (_, n) => `member-${n}`);
      const fair = TENANTS.length / members;
      for (const size of sizes(ids)) expect(Math.abs(size - fair)).toBeLessThan(0.2 * fair);
    }
  });

  it('is the same whatever the order of the members', () => {
    expect(owners([...MEMBERS].reverse())).toEqual(owners(MEMBERS));
  });

  it('passes to all others when it leaves; nothing else moves', () => {
    const [leaving, ...rest] = MEMBERS;
    const [before, after] = [owners(MEMBERS), owners(rest)];
    const moved = TENANTS.filter((tenant) => before.get(tenant) !== after.get(tenant));
    expect(moved).toEqual(TENANTS.filter((tenant) => before.get(tenant) === leaving));
    expect(new Set(moved.map((tenant) => after.get(tenant)))).toEqual(new Set(rest));
  });

  it('is everything for one alone, and nobody has one without members', () => {
    expect(ownerOf('t1', [MEMBERS[0]!])).toBe(MEMBERS[0]);
    expect(ownerOf('t1', [])).toBeUndefined();
  });

  it('is known by the heartbeat: each tenant is the share of one process', () => {
    const shares = MEMBERS.map((startId) => new Shares(stubOf(Heartbeat, { startId, members: MEMBERS })));
    for (const tenant of TENANTS.slice(0, 100)) expect(shares.filter((one) => one.isMine(tenant))).toHaveLength(1);
  });
});
