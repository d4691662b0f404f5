import { Inject, Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { Agent } from 'undici';
import { Config } from '../../config/config.js';
import type { AttemptOutcome } from '../attempt-outcome.js';
import { readWebhookUrl, type UrlRules, urlRulesOf } from './address-filter.js';
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

/** Where a request goes. */
interface Target {
  origin: string;
  path: string;
}

const TARGETS_KEPT = 1_000;
/** Idle connections are closed after this time; below the 15-75 s at which most receivers close theirs. */
const KEEP_ALIVE_MS = 10_000;

/**
 * Posts to customers' webhooks: https only (unless WEBHOOK_ALLOW_HTTP), to public addresses only (unless
 * WEBHOOK_ALLOWED_PRIVATE_CIDRS), without following redirects or unpacking bodies. Connections are kept alive.
 */
@Injectable()
export class WebhookClient implements OnApplicationShutdown {
  private readonly agent: Agent;
  private readonly urlRules: UrlRules;
  private readonly targets = new Map<string, Target | { refusal: string }>();

  constructor(
    private readonly config: Config,
    @Optional() @Inject(WEBHOOK_CONNECT_OPTIONS) connect: WebhookConnectOptions = {},
  ) {
    this.urlRules = urlRulesOf(config);
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
    const target = this.targetOf(request.url);
    if ('refusal' in target) return refused('url_refused', target.refusal, durationMs());
    try {
      const answer = await this.exchange(target, request);
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

  /** The same few URLs come again and again: to read and judge one costs as much as to sign a session. */
  private targetOf(url: string): Target | { refusal: string } {
    const known = this.targets.get(url);
    if (known) return known;
    const read = readWebhookUrl(url, this.urlRules);
    const target = 'refusal' in read ? read : { origin: read.url.origin, path: read.url.pathname + read.url.search };
    if (this.targets.size >= TARGETS_KEPT) this.targets.clear();
    this.targets.set(url, target);
    return target;
  }

  private exchange({ origin, path }: Target, request: WebhookRequest): Promise<WebhookAnswer> {
    const { headers: custom, body, webhookId, signingSecrets, timeoutMs } = request;
    const sentHeaders = webhookHeaders({ custom, webhookId, sentAt: new Date(), body, signingSecrets });
    const reader = new WebhookResponseReader(timeoutMs ?? this.config.webhookTimeoutMs);
    this.agent.dispatch({ origin, path, method: 'POST', headers: sentHeaders, body }, reader);
    return reader.answer;
  }
}
