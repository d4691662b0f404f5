import { Injectable } from '@nestjs/common';
import { Heartbeat } from '../persistence/heartbeat.js';

/**
 * Which member checks a tenant, by rendezvous hashing: each member has a score for the tenant, and the highest one owns
 * it. All members that see the same members agree without a word, and one that comes or goes moves only its own tenants.
 *
 * @param members start ids, in any order
 * @returns undefined where there is no member
 */
export function ownerOf(tenantId: string, members: readonly string[]): string | undefined {
  const tenant = hash(tenantId);
  let owner: string | undefined;
  let highest = -1;
  for (const member of members) {
    const score = mix(tenant ^ hash(member));
    // equal scores are rare; the greater id, so that the order of the members does not matter
    if (score < highest || (score === highest && member < owner!)) continue;
    owner = member;
    highest = score;
  }
  return owner;
}

/** This process's share of the tenants, by the members that its last beat has shown. */
@Injectable()
export class Shares {
  constructor(private readonly heartbeat: Heartbeat) {}

  /**
   * @returns whether this process checks the tenant. Not whether it may begin now: a process that was paused asks
   *   `Heartbeat.confirmed` before.
   */
  isMine(tenantId: string): boolean {
    return ownerOf(tenantId, this.heartbeat.members) === this.heartbeat.startId;
  }
}

/** FNV-1a over the text's code units, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return mix(value);
}

/** Lets each bit change every other one (the last step of MurmurHash3): FNV-1a alone leaves ids in a row alike. */
function mix(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
