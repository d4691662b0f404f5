import { Inject, Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { Agent } from 'undici';
import { Config } from '../config/config.js';
import { exchange, type Reading } from '../transport/answer-reader.js';
import { diedBeforeAnswer } from './answer-watch.js';
import { readWebhookUrl, type UrlRules, urlRulesOf } from './address-filter.js';
import { guardedConnector, WEBHOOK_CONNECT_OPTIONS, type WebhookConnectOptions } from './webhook-connector.js';
import { type WebhookHeader, webhookHeaders, WebhookHeadersError } from './webhook-headers.js';
import { outcomeOf, refused, type WebhookAnswer, type WebhookOutcome } from './webhook-outcome.js';

/** What one attempt sends. */
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
/** Bytes of an answer that are kept. */
const SNIPPET_BYTES = 1024;
/** Idle connections are closed after this time; below the 15-75 s at which most receivers close theirs. */
const KEEP_ALIVE_MS = 10_000;
/** Bytes of an answer's headers: more than receivers send, little enough for every connection. */
const MAX_HEADER_BYTES = 64 * 1024;

/**
 * Posts to customers' webhooks: https only (unless WEBHOOK_ALLOW_HTTP), to public addresses only (unless
 * WEBHOOK_ALLOWED_PRIVATE_CIDRS), without following redirects or unpacking bodies. Connections are kept alive.
 */
@Injectable()
export class WebhookClient implements OnApplicationShutdown {
  private readonly agent: Agent;
  /** Opens a connection for every request. */
  private readonly freshAgent: Agent;
  private readonly urlRules: UrlRules;
  private readonly targets = new Map<string, Target | { refusal: string }>();

  constructor(
    private readonly config: Config,
    @Optional() @Inject(WEBHOOK_CONNECT_OPTIONS) connect: WebhookConnectOptions = {},
  ) {
    this.urlRules = urlRulesOf(config);
    const options: Agent.Options = {
      connect: guardedConnector(config.webhookAllowedPrivateCidrs, config.webhookTimeoutMs, connect),
      // no limit here: the dispatcher limits attempts, and integrations that share a host must not wait for a slow one
      connections: null,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: 2 * KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // the reader's one deadline covers both
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    this.agent = new Agent({ ...options, pipelining: 1 });
    this.freshAgent = new Agent({ ...options, pipelining: 0 });
  }

  /** Makes one attempt. Anything that the receiver or the integration's settings cause is an outcome; never throws. */
  async post(request: WebhookRequest): Promise<WebhookOutcome> {
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

  /** After the deliveries have drained: attempts that still run fail as `stopped` and are sent again later. */
  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  async close(): Promise<void> {
    await Promise.all([this.agent.destroy(), this.freshAgent.destroy()]);
  }

  /** Results are kept, as the same few URLs come again and again and one check costs as much as signing a session. */
  private targetOf(url: string): Target | { refusal: string } {
    const known = this.targets.get(url);
    if (known) return known;
    const read = readWebhookUrl(url, this.urlRules);
    const target = 'refusal' in read ? read : { origin: read.url.origin, path: read.url.pathname + read.url.search };
    if (this.targets.size >= TARGETS_KEPT) this.targets.clear();
    this.targets.set(url, target);
    return target;
  }

  /**
   * A kept connection that the receiver has closed meanwhile says nothing about the receiver: the request is sent once
   * more, at once and within the same deadline, on a connection of its own.
   */
  private async exchange({ origin, path }: Target, request: WebhookRequest): Promise<WebhookAnswer> {
    const { headers: custom, body, webhookId, signingSecrets, timeoutMs = this.config.webhookTimeoutMs } = request;
    const headers = webhookHeaders({ custom, webhookId, sentAt: new Date(), body, signingSecrets });
    const sent = { origin, path, method: 'POST', headers, body } as const;
    const endsAt = performance.now() + timeoutMs;
    const reading: Reading = { timeoutMs, keep: 'start', maxBytes: SNIPPET_BYTES };
    try {
      return await exchange(this.agent, sent, reading);
    } catch (error) {
      const leftMs = endsAt - performance.now();
      if (!diedBeforeAnswer(error) || leftMs < 1) return { error: error as Error };
      return await exchange(this.freshAgent, sent, { ...reading, timeoutMs: leftMs }).catch((again: Error) => ({
        error: again,
      }));
    }
  }
}
