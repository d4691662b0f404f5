import { BadRequestException } from '@nestjs/common';

/** The ETag of an integration's version. */
export function entityTag(version: number): string {
  return `"${version}"`;
}

/**
 * The version that a change is meant for, from its If-Match. A proxy that compresses answers makes tags weak (`W/`):
 * those are taken as well, since a version names the settings and not their bytes.
 *
 * @returns undefined when any version will do: no header, or `*`
 * @throws BadRequestException when it is not one ETag of this service
 */
export function wantedVersion(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const version = /^(?:W\/)?"(\d{1,15})"$/.exec(ifMatch.trim())?.[1];
  if (version === undefined) throw new BadRequestException(['if-match: must be the ETag of this integration']);
  return Number(version);
}
