import type { Request } from 'express';

const JSON_TYPE = 'application/json';

/** The media types that a PATCH takes: for its `@ApiConsumes`. */
export const PATCH_TYPES = [JSON_TYPE, 'application/merge-patch+json'] as const;

/** The media types of bodies that each method takes. The bodies of other methods are not read. */
const BODY_TYPES: Readonly<Record<string, readonly string[]>> = {
  POST: [JSON_TYPE],
  PUT: [JSON_TYPE],
  PATCH: PATCH_TYPES,
};

/** What of a request's body is read and what is refused follows from this alone. */
export function bodyTypesOf({ method }: Pick<Request, 'method'>): string[] {
  return [...(BODY_TYPES[method] ?? [])];
}

/** For the body parser: whether it parses the body of this request. */
export function hasReadableBody(request: Request): boolean {
  const types = bodyTypesOf(request);
  return types.length > 0 && Boolean(request.is(types));
}

/** Whether there is a body at all: `curl -d ''` names a media type and sends none. */
export function hasBody({ headers }: Pick<Request, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
