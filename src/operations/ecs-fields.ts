type Fields = Record<string, unknown>;

/** A request as express sees it. */
export interface SeenRequest {
  id: string;
  method: string;
  url: string;
  originalUrl?: string;
}

/** Without its query, which may hold anything. */
export function pathOf({ originalUrl, url }: SeenRequest): string {
  return (originalUrl ?? url).split('?', 1)[0]!;
}

const NANOSECONDS_PER_MS = 1e6;
const OWN = 'hbf';

/**
 * The fields of one log line under their ECS names. Our own stand below `hbf`: several of their names (`destination`,
 * `service`) are objects in ECS, and Elasticsearch refuses a line in which they are texts.
 */
export function ecsFields(fields: Fields): Fields {
  const { err, res, responseTime, durationMs, context, ...own } = fields;
  const status = (res as { statusCode?: number } | undefined)?.statusCode;
  const took = durationMs ?? responseTime;
  return {
    ...(err === undefined ? {} : { err }),
    ...(status === undefined ? {} : { 'http.response.status_code': status }),
    ...(typeof took === 'number' ? { 'event.duration': Math.round(took * NANOSECONDS_PER_MS) } : {}),
    ...(context === undefined ? {} : { 'log.logger': context }),
    ...(Object.keys(own).length === 0 ? {} : { [OWN]: own }),
  };
}

/** What a logger adds to all its lines: the process, or the request that is being answered. */
export function ecsBindings(bindings: Fields): Fields {
  const { req, requestId, ...rest } = bindings;
  const request = req as SeenRequest | undefined;
  const id = requestId ?? request?.id;
  return {
    ...rest,
    ...(id === undefined ? {} : { 'http.request.id': id }),
    ...(request && { 'http.request.method': request.method, 'url.path': pathOf(request) }),
  };
}
