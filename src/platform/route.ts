/**
 * Fills the `{name}`s of a route template, each value as one encoded path segment.
 *
 * @returns undefined when a value cannot be one: empty, a dot segment (a URL parser would take `..` as "one level up"
 *   and so ask for another route, encoded or not) or half a surrogate pair
 */
export function fillRoute(route: string, params: Readonly<Record<string, string>>): string | undefined {
  try {
    return route.replace(/\{(\w+)\}/g, (_, name: string) => encodeSegment(params[name]));
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function encodeSegment(value: string | undefined): string {
  if (value === undefined || /^\.{0,2}$/.test(value)) throw new URIError('not a path segment');
  return encodeURIComponent(value);
}
