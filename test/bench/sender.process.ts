import axios from 'axios';
import { Agent as HttpAgent } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { Agent, request } from 'undici';
import { idempotencyKey } from '../../src/completions/delivery.js';
import { buildSessionPayload, buildWebhookPayload } from '../../src/payload/session-payload.js';
import { readChatSession } from '../../src/platform/core/chat-session.dto.js';
import { readTenant } from '../../src/platform/core/tenant.dto.js';
import { preciseNow } from '../support/figures.js';
import type { Hook } from '../world/load-world.js';
import { serve } from '../world/rpc.js';

/** What the service is compared with: senders that write nothing down, and the obvious design. */
export interface SenderWorld {
  coreUrl: string;
  publisherUrl: string;
  nlpUrl: string;
  token: string;
  organizationId: string;
  tenants: string[];
  hooks: readonly Hook[];
  /** Of every hook. */
  hookSecret: string;
}

interface Post {
  url: string;
  headers: Record<string, string>;
  body?: Buffer;
}

const PAGE = 100;
let posts: Post[] = [];

async function get<T>(world: SenderWorld, path: string): Promise<T> {
  const { data } = await axios.get<T>(`${world.coreUrl}${path}`, {
    headers: { authorization: `Bearer ${world.token}` },
  });
  return data;
}

/** All requests for a session, as the service would make them: same URLs, headers and bytes. */
function postsFor(world: SenderWorld, tenantRaw: unknown, sessionRaw: unknown): Post[] {
  const tenant = readTenant(tenantRaw);
  const session = readChatSession(sessionRaw);
  const input = { session, tenant, contacts: [], revision: 1 };
  const flow = Buffer.from(JSON.stringify(buildSessionPayload(input)));
  const body = Buffer.from(JSON.stringify(buildWebhookPayload(input)));
  const json = { 'content-type': 'application/json' };
  const bearer = { authorization: `Bearer ${world.token}` };
  const { organizationId, publisherUrl, nlpUrl } = world;
  const query = `triggerType=chat-session-completed&organizationId=${organizationId}&tenantId=${tenant.id}`;
  const path = `/organizations/${organizationId}/tenants/${tenant.id}/sessions/${session.id}/analyze`;
  return [
    { url: `${publisherUrl}/connectors/flows:trigger?${query}`, headers: { ...json, ...bearer }, body: flow },
    { url: `${nlpUrl}${path}`, headers: bearer },
    ...world.hooks
      .filter(({ tenantId }) => tenantId === tenant.id)
      .map(({ id, url }) => ({
        url,
        headers: { ...json, ...signed(world.hookSecret, idempotencyKey(session.id, id), body) },
        body,
      })),
  ];
}

function signed(secret: string, webhookId: string, body: Buffer): Record<string, string> {
  const now = new Date();
  return {
    'webhook-id': webhookId,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(webhookId, now, body),
  };
}

/** Goes through all posts with so many under way at once. @returns seconds */
async function sendAll(concurrency: number, send: (post: Post) => Promise<unknown>): Promise<number> {
  const startedAt = preciseNow();
  let next = 0;
  const work = async () => {
    while (next < posts.length) await send(posts[next++]!);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return (preciseNow() - startedAt) / 1000;
}

const handlers = {
  /** Builds the requests of all parked sessions, so that the senders below do nothing but send. */
  async prepare(world: SenderWorld): Promise<{ posts: number; bytes: number }> {
    posts = [];
    for (const tenantId of world.tenants) {
      const flags = 'includeSettings=true&includeSystemSettings=true&includePlugins=true';
      const tenant = await get<unknown>(world, `/organizations/${world.organizationId}/tenants/${tenantId}?${flags}`);
      const path = `/chat-sessions?tenantId=${tenantId}&status=COMPLETED&includeMessages=true&includeLiveChats=true`;
      for (let page = 0, got = PAGE; got === PAGE; page++) {
        const { items } = await get<{ items: unknown[] }>(world, `${path}&page=${page}&pageSize=${PAGE}`);
        for (const item of items) posts.push(...postsFor(world, tenant, item));
        got = items.length;
      }
    }
    return { posts: posts.length, bytes: posts.reduce((sum, { body }) => sum + (body?.length ?? 0), 0) };
  },

  async undici(input: { concurrency: number }): Promise<number> {
    const dispatcher = new Agent({ connections: input.concurrency, pipelining: 1 });
    const seconds = await sendAll(input.concurrency, async ({ url, headers, body }) => {
      const answer = await request(url, { method: 'POST', headers, body, dispatcher });
      await answer.body.dump();
    });
    await dispatcher.close();
    return seconds;
  },

  async axios(input: { concurrency: number }): Promise<number> {
    const httpAgent = new HttpAgent({ keepAlive: true, maxSockets: 512 });
    const options = { httpAgent, maxRedirects: 0, proxy: false as const };
    const seconds = await sendAll(input.concurrency, ({ url, headers, body }) =>
      axios.post(url, body, { headers, ...options }),
    );
    httpAgent.destroy();
    return seconds;
  },

  /** The obvious design: session after session, destination after destination, everything in memory. @returns seconds */
  async obvious(world: SenderWorld): Promise<number> {
    const startedAt = preciseNow();
    const headers = { authorization: `Bearer ${world.token}` };
    const flags = 'includeSettings=true&includeSystemSettings=true&includePlugins=true';
    const { items: tenants } = await get<{ items: { id: string }[] }>(world, `/tenants?page=0&pageSize=500&${flags}`);
    for (const tenant of tenants) {
      const cutoff = new Date().toISOString();
      const path = `/chat-sessions?tenantId=${tenant.id}&status=ACTIVE&lastInteractionLessThan=${cutoff}&includeMessages=true&includeLiveChats=true`;
      for (;;) {
        const { items } = await get<{ items: { id: string }[] }>(world, `${path}&page=0&pageSize=${PAGE}`);
        if (items.length === 0) break;
        await axios.patch(
          `${world.coreUrl}/chat-sessions/batch/complete`,
          { ids: items.map(({ id }) => id) },
          { headers },
        );
        for (const session of items) {
          await get(
            world,
            `/organizations/${world.organizationId}/surveys?sessionId=${session.id}&page=0&pageSize=100`,
          );
          for (const { url, headers: own, body } of postsFor(world, tenant, session))
            await axios.post(url, body, { headers: own });
        }
      }
    }
    return (preciseNow() - startedAt) / 1000;
  },
};

export type SenderHandlers = typeof handlers;
serve(handlers);
