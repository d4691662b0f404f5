import { array, type JsonObject, nonEmptyString, object, optional, ShapeError } from '../shape.js';

/** What a tenant has used; a count is undefined when hbf-core does not tell it. */
export interface TenantUsage {
  tenantId: string;
  sessions: number | undefined;
  userMessages: number | undefined;
}

export interface TenantUsages {
  items: TenantUsage[];
  /** Why entries were left out; never a value found in them. */
  problems: string[];
}

/**
 * hbf-core's API document does not describe the answer. These are the field names that are accepted for a count; the
 * platform's SDK (TenantUsageDto) has `totalChatSessions` and `totalMessages`.
 */
const SESSIONS = [
  'totalChatSessions',
  'numOfSessions',
  'numberOfSessions',
  'sessionCount',
  'sessionsCount',
  'totalSessions',
  'sessions',
];
const USER_MESSAGES = [
  'numOfUserMessages',
  'numberOfUserMessages',
  'userMessageCount',
  'userMessagesCount',
  'totalUserMessages',
  'userMessages',
];
/** Told in place of the users' messages alone: used where none of those names is there. */
const MESSAGES = ['totalMessages'];

/**
 * Reads `GET /tenants/usage`: a bare array or `{items}`. A tenant over its limits is switched off, so nothing is guessed:
 * an entry that is not understood is left out, and so are all entries of a tenant that has several (by month, say).
 *
 * @throws ShapeError when it is no list, or when there is nothing in it that is understood
 */
export function readTenantUsages(answer: unknown): TenantUsages {
  const list = Array.isArray(answer) ? (answer as unknown[]) : array(object(answer, 'usage')['items'], 'usage.items');
  const byTenant = new Map<string, TenantUsage[]>();
  const problems = new Set<string>();
  for (const entry of list) {
    try {
      const usage = readOne(entry);
      byTenant.set(usage.tenantId, [...(byTenant.get(usage.tenantId) ?? []), usage]);
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      problems.add(error.message);
    }
  }
  const items = [...byTenant.values()].flatMap((usages) => (usages.length === 1 ? usages : []));
  if (items.length < byTenant.size) problems.add('usage[] must be one entry for each tenant');
  if (list.length > 0 && items.length === 0) throw new ShapeError('usage[]', 'of a shape that is known');
  return { items, problems: [...problems] };
}

function readOne(entry: unknown): TenantUsage {
  const raw = object(entry, 'usage[]');
  const inner = typeof raw['usage'] === 'object' && raw['usage'] !== null ? object(raw['usage'], 'usage[].usage') : {};
  const counts = { ...raw, ...inner };
  const sessions = readCount(counts, SESSIONS);
  const userMessages = readCount(counts, USER_MESSAGES) ?? readCount(counts, MESSAGES);
  if (sessions === undefined && userMessages === undefined) throw new ShapeError('usage[]', 'one with a known count');
  return { tenantId: readTenantId(raw), sessions, userMessages };
}

/** `tenantId`, `tenant.id`, else the entry's own `id`. */
function readTenantId(raw: JsonObject): string {
  const tenant = typeof raw['tenant'] === 'object' && raw['tenant'] !== null ? object(raw['tenant'], 'tenant') : {};
  return nonEmptyString(raw['tenantId'] ?? tenant['id'] ?? raw['id'], 'usage[].tenantId');
}

function readCount(counts: JsonObject, names: readonly string[]): number | undefined {
  const found = names.map((name) => optional(counts[name], `usage[].${name}`, count)).filter((n) => n !== undefined);
  if (new Set(found).size > 1) throw new ShapeError(`usage[].${names[0]}`, 'the same under all its names');
  return found[0];
}

function count(value: unknown, field: string): number {
  if (typeof value !== 'number' || !(value >= 0) || !Number.isFinite(value)) throw new ShapeError(field, 'a number');
  return value;
}
