import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { ViolationsException } from '../http/violations.js';

/** The version that a change is meant for, from the header If-Match; undefined when any version will do. */
export const IfMatch = createParamDecorator((_: unknown, context: ExecutionContext): number | undefined =>
  wantedVersion(context.switchToHttp().getRequest<Request>().headers['if-match']),
);

/** The ETag of an integration's version. */
export function entityTag(version: number): string {
  return `"${version}"`;
}

/**
 * A proxy that compresses answers makes tags weak (`W/`): those are taken as well, since a version names the settings
 * and not their bytes.
 *
 * @returns undefined when any version will do: no header, or `*`
 * @throws ViolationsException when it is not one ETag of this service
 */
export function wantedVersion(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const version = /^(?:W\/)?"(\d{1,15})"$/.exec(ifMatch.trim())?.[1];
  if (version !== undefined) return Number(version);
  throw new ViolationsException([{ field: 'if-match', message: expected(ifMatch) }]);
}

/** Shells take the quotes off, so a version without them is the likely mistake. */
function expected(ifMatch: string): string {
  const bare = /^(?:W\/)?["']?(\d{1,15})["']?$/.exec(ifMatch.trim())?.[1];
  if (bare !== undefined) return `must have the version in double quotes: type If-Match: "${bare}"`;
  return 'must be the ETag of this integration, quotes included, such as "3", or * for any version';
}
