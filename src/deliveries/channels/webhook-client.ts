import { Inject, Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { Agent } from 'undici';
import { Config } from '../../config/config.js';
import type { AttemptOutcome } from '../attempt-outcome.js';
import { urlRefusal } from './address-filter.js';
import { guardedConnector, WEBHOOK_CONNECT_OPTIONS, type WebhookConnectOptions } from './webhook-client-connector.js';
import { outcomeOf, refused } from './webhook-client-outcome.js';
import { type WebhookAnswer, WebhookResponseReader } from './webhook-client-response.js';
import { type WebhookHeader, webhookHeaders, WebhookHeadersError } from './webhook-headers.js';

/** One attempt to be made. */
export interface WebhookRequest {
  url: string;
  /** The integration's own headers. */
  headers: readonly WebhookHeader[];
  /** The very bytes that are signed and sent. */
  body: Buffer;
  /** Stable over all attempts of a delivery. */
  webhookId: string;
  /** `whsec_…`; with two (after a rotation) both sign; empty: not signed. */
  signingSecrets: readonly string[];
  /** For the whole attempt, the answer's body included; WEBHOOK_TIMEOUT_MS when absent. */
  timeoutMs?: number;
}

/** Idle connections are closed after this time; below the 15-75 s at which most receivers close theirs. */
const KEEP_ALIVE_MS = 10_000;

/**
 * Posts to customers' webhooks: https only (unless WEBHOOK_ALLOW_HTTP), to public addresses only (unless
 * WEBHOOK_ALLOWED_PRIVATE_CIDRS), without following redirects or unpacking bodies. Connections are kept alive.
 */
@Injectable()
export class WebhookClient implements OnApplicationShutdown {
  private readonly agent: Agent;

  constructor(
    private readonly config: Config,
    @Optional() @Inject(WEBHOOK_CONNECT_OPTIONS) connect: WebhookConnectOptions = {},
  ) {
    this.agent = new Agent({
      connect: guardedConnector(config.webhookAllowedPrivateCidrs, config.webhookTimeoutMs, connect),
      // no limit here: the lanes limit attempts, and integrations that share a host must not wait for a slow one's
      connections: null,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: 2 * KEEP_ALIVE_MS,
      // the reader's one deadline covers both
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Makes one attempt. Whatever the receiver does, and whatever the integration holds, is an outcome; never throws. */
  async post(request: WebhookRequest): Promise<AttemptOutcome> {
    const startedAt = performance.now();
    const durationMs = (): number => Math.round(performance.now() - startedAt);
    const refusal = urlRefusal(request.url, {
      allowHttp: this.config.webhookAllowHttp,
      allowedCidrs: this.config.webhookAllowedPrivateCidrs,
      allowedPorts: this.config.webhookAllowedPorts,
    });
    if (refusal) return refused('url_refused', refusal, durationMs());
    try {
      const answer = await this.exchange(request);
      return outcomeOf(answer, durationMs(), Date.now());
    } catch (error) {
      if (error instanceof WebhookHeadersError) return refused('headers_refused', error.message, durationMs());
      throw error;
    }
  }

  /** After the delivery workers have drained: what is still under way fails as `stopped` and is sent again later. */
  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private exchange({ url, headers, timeoutMs, ...rest }: WebhookRequest): Promise<WebhookAnswer> {
    const sent = webhookHeaders({ ...rest, custom: headers, sentAt: new Date() });
    const { origin, pathname, search } = new URL(url);
    const reader = new WebhookResponseReader(timeoutMs ?? this.config.webhookTimeoutMs);
    this.agent.dispatch(
      {
        origin,
        path: pathname + search,
        method: 'POST',
        headers: sent.flatMap(({ name, value }) => [name, value]),
        body: rest.body,
      },
      reader,
    );
    return reader.answer;
  }
}
