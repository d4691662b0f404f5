type Fields = Record<string, unknown>;

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
