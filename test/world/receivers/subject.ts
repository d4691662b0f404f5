import type { Pair } from '../arrivals.js';
import type { LightRequest } from './light-server.js';

/** In which the id of a flow trigger stands. */
const HEAD_BYTES = 256;
const ID = /"id":"([^"]+)"/;
const WEBHOOK_ID = /\r\nwebhook-id: ([^\r]+)/i;
const TENANT = /[?&]tenantId=([^&]+)/;
const ANALYSIS = /\/tenants\/([^/]+)\/sessions\/([^/]+)\/analyze$/;

/** Which session a request is about, and which destination it is for; the body is not parsed. */
export function subjectOf({ url, head, begin }: LightRequest): Pair {
  if (url.startsWith('/hook/')) {
    const id = url.slice('/hook/'.length);
    return { destination: `webhook:${id}`, sessionId: String(WEBHOOK_ID.exec(head)?.[1]).replace(`:${id}`, '') };
  }
  if (url.startsWith('/connectors/')) {
    const sessionId = String(ID.exec(begin.toString('latin1', 0, HEAD_BYTES))?.[1]);
    return { destination: `flow:${TENANT.exec(url)?.[1]}`, sessionId };
  }
  const [, tenantId, sessionId] = ANALYSIS.exec(url) ?? [];
  return { destination: `analysis:${tenantId}`, sessionId: String(sessionId) };
}
