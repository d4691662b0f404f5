import { array, type JsonObject, nonEmptyString, object, optional, ShapeError } from '../shape.js';

/**
 * What this service keeps of a tenant while it works: never the whole, which holds about thirty credentials.
 * `publicFields` is the allow-list of docs/platform.md and the only part that may leave in a payload.
 */
export interface Tenant {
  id: string;
  organizationId: string;
  /** `settings.session.expireInactiveSessionAfter`, in seconds; undefined when unset, 0 included. */
  expireAfterSeconds: number | undefined;
  /**
   * What of it cannot be read: which field, and what it should be. Unreadable settings: `expireAfterSeconds` is the last
   * one known, and no threshold below the default may be used. Unreadable plugins count as none.
   */
  unreadable?: { settings?: string; plugins?: string };
  /** Whether its ended sessions are to be analysed by hbf-nlp (an LLM_SUMMARIZATION plugin that runs by itself). */
  analyzesSessions: boolean;
  /** Whether contacts can be looked up (a CRM plugin). */
  hasCrm: boolean;
  /** `systemSettings.maxNumOfSessions`; undefined when there is no such limit, 0 included. */
  maxSessions?: number;
  /** `systemSettings.maxNumOfUserMessages`; undefined when there is no such limit, 0 included. */
  maxUserMessages?: number;
  /** Whether hbf-core says that it is switched off. */
  disabled?: boolean;
  publicFields: PublicTenant;
}

/** The tenant as it may be shown to customers and flows. */
export type PublicTenant = Partial<Record<(typeof PUBLIC_TENANT_FIELDS)[number], unknown>>;

export const PUBLIC_TENANT_FIELDS = [
  'id',
  'displayName',
  'description',
  'organizationId',
  'timezone',
  'image',
  'tags',
  'space',
] as const;

/**
 * Reads what can be read: a tenant whose settings or plugins are not understood still has its sessions ended.
 *
 * @throws ShapeError naming the first field without which nothing can be done
 */
export function readTenant(value: unknown, field = 'tenant'): Tenant {
  const raw = object(value, field);
  const plugins = readOr([], () => readPlugins(raw, field));
  const expireAfter = readOr(undefined, () => readExpireAfter(raw, field));
  const problems = {
    ...(expireAfter.problem && { settings: expireAfter.problem }),
    ...(plugins.problem && { plugins: plugins.problem }),
  };
  return {
    id: nonEmptyString(raw['id'], `${field}.id`),
    organizationId: nonEmptyString(raw['organizationId'], `${field}.organizationId`),
    expireAfterSeconds: expireAfter.value,
    ...(Object.keys(problems).length > 0 && { unreadable: problems }),
    analyzesSessions: plugins.value.some(runsOnCompletion),
    hasCrm: plugins.value.some((plugin) => plugin['category'] === 'CRM'),
    ...readLimits(raw),
    disabled: raw['disabled'] === true,
    publicFields: publicTenant(raw),
  };
}

/** @returns what `read` gives; or, where it finds another shape, `otherwise` and the problem */
function readOr<T>(otherwise: T, read: () => T): { value: T; problem?: string } {
  try {
    return { value: read() };
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    return { value: otherwise, problem: error.message };
  }
}

/** Copies the allow-listed fields of a tenant as hbf-core gives it, and nothing else. */
export function publicTenant(raw: JsonObject): PublicTenant {
  return Object.fromEntries(PUBLIC_TENANT_FIELDS.filter((name) => name in raw).map((name) => [name, raw[name]]));
}

function readPlugins(raw: JsonObject, field: string): JsonObject[] {
  const plugins = optional(raw['plugins'], `${field}.plugins`, array) ?? [];
  return plugins.map((plugin, index) => object(plugin, `${field}.plugins[${index}]`));
}

function readExpireAfter(raw: JsonObject, field: string): number | undefined {
  const settings = optional(raw['settings'], `${field}.settings`, object);
  const session = optional(settings?.['session'], `${field}.settings.session`, object);
  const name = 'expireInactiveSessionAfter';
  const value = optional(session?.[name], name, (found) => found);
  if (value !== undefined && typeof value !== 'number') {
    throw new ShapeError(`${field}.settings.session.${name}`, 'a number of seconds');
  }
  return positive(value);
}

/** A limit that cannot be read counts as no limit, so that no tenant is switched off by mistake. */
function readLimits(raw: JsonObject): Pick<Tenant, 'maxSessions' | 'maxUserMessages'> {
  const settings = (typeof raw['systemSettings'] === 'object' ? raw['systemSettings'] : null) as JsonObject | null;
  const maxSessions = positive(settings?.['maxNumOfSessions']);
  const maxUserMessages = positive(settings?.['maxNumOfUserMessages']);
  return { ...(maxSessions && { maxSessions }), ...(maxUserMessages && { maxUserMessages }) };
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined;
}

function runsOnCompletion(plugin: JsonObject): boolean {
  const settings = plugin['settings'];
  const runs = typeof settings === 'object' && settings !== null && 'automaticallyRunOnSessionCompletion' in settings;
  return plugin['category'] === 'LLM_SUMMARIZATION' && runs && settings.automaticallyRunOnSessionCompletion === true;
}

/** Whose a tenant is; nothing else of it is read. @throws ShapeError */
export function readTenantOwner(value: unknown): { id: string; organizationId: string } {
  const raw = object(value, 'tenant');
  const organizationId = nonEmptyString(raw['organizationId'], 'tenant.organizationId');
  return { id: nonEmptyString(raw['id'], 'tenant.id'), organizationId };
}
