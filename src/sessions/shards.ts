import { createHash } from 'node:crypto';
import type { Tenant } from '../platform/core/tenant.dto.js';

/** Tenants are checked in so many parts, each under a lease of its own, so that replicas share the work. */
const SHARDS = 16;
/** Renewed while the work goes on. */
export const SHARD_LEASE_MS = 60_000;

export function shardLease(shard: number): string {
  return `session-check:${shard}`;
}

export function byShard(tenants: readonly Tenant[]): Map<number, Tenant[]> {
  const shards = new Map<number, Tenant[]>();
  for (const tenant of tenants) {
    const shard = createHash('sha1').update(tenant.id).digest()[0]! % SHARDS;
    shards.set(shard, [...(shards.get(shard) ?? []), tenant]);
  }
  return shards;
}
