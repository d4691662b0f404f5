import { array, type JsonObject, nonEmptyString, object, optional } from '../shape.js';

/** The user of a bearer token, as hbf-core's `GET /users/me` answers. */
export interface CurrentUser {
  id: string;
  email: string | undefined;
  isModerator: boolean;
  organizationRoles: RolesByOrganization;
  /** Group roles included; to be asked before `organizationRoles`. Undefined when hbf-core does not tell them. */
  effectiveRoles: { organizationRoles: RolesByOrganization } | undefined;
}

/** Organization id → names of roles, such as HBF_ORG_ADMIN. A Map: an id may be spelled like a property of objects. */
export type RolesByOrganization = ReadonlyMap<string, readonly string[]>;

/** @throws ShapeError naming the first field that is not what it must be; rights are never guessed */
export function readCurrentUser(value: unknown, field = 'user'): CurrentUser {
  const raw = object(value, field);
  const effective = optional(raw['effectiveRoles'], `${field}.effectiveRoles`, object);
  return {
    id: nonEmptyString(raw['id'], `${field}.id`),
    email: optional(raw['email'], `${field}.email`, nonEmptyString),
    isModerator: raw['isModerator'] === true,
    organizationRoles: readRoles(raw, field) ?? new Map(),
    effectiveRoles: effective && { organizationRoles: readRoles(effective, `${field}.effectiveRoles`) ?? new Map() },
  };
}

function readRoles(holder: JsonObject, field: string): RolesByOrganization | undefined {
  const name = `${field}.organizationRoles`;
  const roles = optional(holder['organizationRoles'], name, object);
  return roles && new Map(Object.entries(roles).map(([id, names]) => [id, strings(names, `${name}[]`)]));
}

function strings(value: unknown, field: string): string[] {
  return (optional(value, field, array) ?? []).filter((entry) => typeof entry === 'string');
}
