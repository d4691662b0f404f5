import { EnvVar, readEnvironment } from './env-var.js';
import {
  cidrs,
  durations,
  emails,
  flag,
  httpUrl,
  instanceName,
  integer,
  key256,
  keys256,
  mailbox,
  minutes,
  mongodbUri,
  oneOf,
  ports,
  seconds,
  text,
  texts,
} from './value-types.js';

/**
 * Every variable of the environment, read once at start; no other class reads `process.env`. Durations are in
 * milliseconds unless the property's name says otherwise. config.spec.ts compares README and .env.example with this
 * class.
 */
export class Config {
  @EnvVar('NODE_ENV', oneOf('development', 'production', 'test'), {
    default: 'development',
    meaning: 'production asks for MONGODB_URI and SECRETS_ENCRYPTION_KEY, logs JSON and hides Swagger UI',
  })
  readonly nodeEnv: 'development' | 'production' | 'test';

  @EnvVar('PORT', integer(0, 65535), { default: '3002', meaning: 'port of the REST API (0 picks a free one)' })
  readonly port: number;

  @EnvVar('INSTANCE_NAME', instanceName, {
    meaning:
      'name of this process among the replicas: another for each, and the same after a restart, so that what the one before it held is free after 5 seconds instead of 20; unset: the host name',
  })
  readonly instanceName?: string;

  @EnvVar('LOG_LEVEL', oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'), {
    default: 'info',
    meaning: 'lowest severity of the log lines that are written',
  })
  readonly logLevel: string;

  @EnvVar('LOG_FORMAT', oneOf('json', 'ecs', 'pretty'), {
    meaning:
      'json; ecs: JSON with the field names of the Elastic Common Schema; unset: json in production, else pretty',
  })
  readonly logFormat?: 'json' | 'ecs' | 'pretty';

  @EnvVar('METRICS_PORT', integer(0, 65535), {
    meaning: 'port of GET /metrics alone (0 picks a free one); unset: it is served on PORT',
  })
  readonly metricsPort?: number;

  @EnvVar('OTEL_EXPORTER_OTLP_ENDPOINT', httpUrl, {
    meaning:
      'OpenTelemetry collector (OTLP over HTTP, JSON) for traces, at its /v1/traces; unset: no tracing. The other OTEL_* variables of the SDK hold too',
  })
  readonly otlpEndpoint?: string;

  @EnvVar('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', httpUrl, {
    meaning: 'the whole address that traces are sent to, instead of OTEL_EXPORTER_OTLP_ENDPOINT',
  })
  readonly otlpTracesEndpoint?: string;

  @EnvVar('OTEL_SDK_DISABLED', flag, { default: 'false', meaning: 'true: no tracing, whatever else is set' })
  readonly otelDisabled: boolean;

  @EnvVar('MONGODB_URI', mongodbUri, {
    required: 'in production',
    secret: true,
    meaning: 'the database; unset outside production: an embedded engine in EMBEDDED_MONGODB_DIR',
  })
  readonly mongodbUri?: string;

  @EnvVar('EMBEDDED_MONGODB_DIR', text(), {
    default: './data/mongodb',
    meaning: 'data folder of the embedded engine, used only while MONGODB_URI is unset',
  })
  readonly embeddedMongodbDir: string;

  @EnvVar('MIGRATIONS_ON_START', flag, {
    default: 'true',
    meaning: 'apply pending migrations at start, one replica at a time; false: run `npm run migrate` before a release',
  })
  readonly migrationsOnStart: boolean;

  @EnvVar('CORE_URL', httpUrl, { required: 'always', meaning: 'hbf-core' })
  readonly coreUrl: string;

  @EnvVar('CORE_TOKEN', text(), {
    required: 'always',
    secret: true,
    meaning: 'bearer token for hbf-core, hbf-event-publisher and hbf-nlp',
  })
  readonly coreToken: string;

  @EnvVar('EVENT_PUBLISHER_URL', httpUrl, { required: 'always', meaning: 'hbf-event-publisher' })
  readonly eventPublisherUrl: string;

  @EnvVar('NLP_URL', httpUrl, { required: 'always', meaning: 'hbf-nlp' })
  readonly nlpUrl: string;

  @EnvVar('SESSION_SERVICE_REQUEST_TIMEOUT', integer(50, 600_000), {
    default: '5000',
    meaning: 'milliseconds that a call to hbf-core or hbf-nlp may take, and connecting to hbf-event-publisher',
  })
  readonly requestTimeoutMs: number;

  @EnvVar('FLOW_TRIGGER_TIMEOUT_MS', integer(50, 600_000), {
    default: '30000',
    meaning:
      'milliseconds that a flow or survey trigger may take: hbf-event-publisher calls every flow of the tenant before it answers',
  })
  readonly flowTriggerTimeoutMs: number;

  @EnvVar('CHAT_SESSION_CHECK_INTERVAL_IN_MINS', minutes(0, 1440), {
    default: '5',
    meaning:
      'from the start of one session check to the start of the next; one that takes longer is followed by a pause of a tenth of this; 0 switches the job off',
  })
  readonly sessionCheckIntervalMs: number;

  @EnvVar('BOT_EXPIRE_CONVERSATION_AFTER_DEFAULT_VALUE', integer(1, 31_536_000), {
    default: '1800',
    meaning: 'seconds of inactivity that end a session whose tenant sets none of its own',
  })
  readonly defaultThresholdSeconds: number;

  @EnvVar('LIVE_CHAT_MAX_IDLE_IN_MINS', minutes(0, 525_600), {
    default: '1440',
    meaning: 'idle time after which a session is completed although a live chat in it is still open',
  })
  readonly liveChatMaxIdleMs: number;

  @EnvVar('SESSION_PAGE_SIZE', integer(1, 1000), {
    default: '100',
    meaning: 'sessions read (with messages) and completed per call',
  })
  readonly sessionPageSize: number;

  @EnvVar('SESSION_CHECK_CONCURRENCY', integer(1, 64), {
    default: '8',
    meaning:
      'lists of sessions that a session check asks hbf-core for at a time; those that take over a second do not count',
  })
  readonly sessionCheckConcurrency: number;

  @EnvVar('SESSION_MEMORY_BUDGET_MB', integer(16, 65_536), {
    default: '96',
    meaning:
      'megabytes of sessions that are read, parsed, serialised or waiting at once; a session that needs more is taken alone',
  })
  readonly sessionMemoryBudgetMb: number;

  @EnvVar('SESSION_CHECK_MAX_COMPLETIONS_PER_MIN', integer(0, 1_000_000), {
    default: '0',
    meaning: 'sessions that one process completes in a minute at most; 0: no limit',
  })
  readonly maxCompletionsPerMin: number;

  @EnvVar('DELIVERY_BACKLOG_HIGH_WATER', integer(1, 10_000_000), {
    default: '50000',
    meaning: 'while the backlog has more pending deliveries than this, no further session is completed',
  })
  readonly backlogHighWater: number;

  @EnvVar('TENANT_USAGE_CAPS_ENABLED', flag, {
    default: 'false',
    meaning: 'disable tenants in hbf-core that are over their maxNumOfSessions or maxNumOfUserMessages',
  })
  readonly tenantUsageCapsEnabled: boolean;

  @EnvVar('NLP_PIPELINE_CHECK_INTERVAL_IN_MINS', minutes(0, 1440), {
    default: '5',
    meaning: 'pause between two pipeline checks, from the end of one to the start of the next; 0 switches the job off',
  })
  readonly pipelineCheckIntervalMs: number;

  @EnvVar('NLP_PIPELINE_POLL_INTERVAL_IN_SECS', seconds(0.01, 3600), {
    default: '2',
    meaning: 'pause between two polls of a pipeline in training',
  })
  readonly pipelinePollIntervalMs: number;

  @EnvVar('NLP_PIPELINE_POLL_TIMEOUT_IN_SECS', seconds(0.01, 86_400), {
    default: '360',
    meaning: 'a training that takes longer counts as failed',
  })
  readonly pipelinePollTimeoutMs: number;

  @EnvVar('NLP_PIPELINE_TRAIN_CONCURRENCY', integer(1, 64), {
    default: '2',
    meaning: 'pipelines that one process trains at once; those of one training group are trained one at a time',
  })
  readonly pipelineTrainConcurrency: number;

  @EnvVar('DELIVERY_CONCURRENCY', integer(1, 4096), {
    default: '256',
    meaning: 'delivery attempts under way at once, over all destinations',
  })
  readonly deliveryConcurrency: number;

  @EnvVar('DELIVERY_MAX_CONCURRENCY_PER_DESTINATION', integer(1, 1024), {
    default: '64',
    meaning: 'most attempts that one process has under way at one destination; how many it takes is found out',
  })
  readonly maxConcurrencyPerDestination: number;

  @EnvVar('FLOW_TRIGGER_CONCURRENCY', integer(1, 1024), {
    default: '32',
    meaning: 'flow and surveys attempts under way at once; while others wait, a tenant gets an eighth at most',
  })
  readonly flowTriggerConcurrency: number;

  @EnvVar('ANALYSIS_CONCURRENCY', integer(1, 1024), {
    default: '8',
    meaning: 'analysis attempts under way at once; while others wait, a tenant gets an eighth at most',
  })
  readonly analysisConcurrency: number;

  @EnvVar('DELIVERY_RETRY_SCHEDULE', durations, {
    default: '5s,1m,5m,30m,2h,5h,12h,24h,36h',
    meaning:
      'waits after the 1st, 2nd, … failed attempt (each ±20 %); a failure after the last wait makes the delivery dead',
  })
  readonly retryScheduleMs: readonly number[];

  @EnvVar('DELIVERY_RETENTION_IN_DAYS', integer(1, 3650), {
    default: '30',
    meaning: 'days that finished completions and integration errors are kept',
  })
  readonly retentionDays: number;

  @EnvVar('WEBHOOK_TIMEOUT_MS', integer(50, 120_000), {
    default: '15000',
    meaning: 'milliseconds that one webhook attempt may take, answer included',
  })
  readonly webhookTimeoutMs: number;

  @EnvVar('WEBHOOK_ALLOW_HTTP', flag, { default: 'false', meaning: 'allow webhook URLs without TLS' })
  readonly webhookAllowHttp: boolean;

  @EnvVar('WEBHOOK_ALLOWED_PRIVATE_CIDRS', cidrs, {
    default: '',
    meaning: 'private address ranges that webhooks may reach',
  })
  readonly webhookAllowedPrivateCidrs: ReturnType<typeof cidrs.parse>;

  @EnvVar('WEBHOOK_ALLOWED_PORTS', ports, {
    default: '',
    meaning: 'ports that the URLs of webhooks may have, separated by commas; unset: any',
  })
  readonly webhookAllowedPorts: readonly number[];

  @EnvVar('INTEGRATIONS_MAX_PER_TENANT', integer(1, 1_000), {
    default: '100',
    meaning: 'enabled integrations that may name one tenant; those that exist beyond it stay, and can be changed',
  })
  readonly maxIntegrationsPerTenant: number;

  @EnvVar('INTEGRATIONS_MAX_PER_ORGANIZATION', integer(1, 10_000), {
    default: '1000',
    meaning: 'enabled integrations that an organization may have; those that exist beyond it stay, and can be changed',
  })
  readonly maxIntegrationsPerOrganization: number;

  @EnvVar('SECRETS_ENCRYPTION_KEY', key256, {
    required: 'in production',
    secret: true,
    meaning: 'encrypts header values and signing secrets at rest',
  })
  readonly secretsEncryptionKey?: Buffer;

  @EnvVar('SECRETS_ENCRYPTION_OLD_KEYS', keys256, {
    default: '',
    secret: true,
    meaning: 'former values of SECRETS_ENCRYPTION_KEY, separated by commas; they decrypt and no longer encrypt',
  })
  readonly secretsEncryptionOldKeys: readonly Buffer[];

  @EnvVar('API_RATE_LIMIT_PER_MIN', integer(1, 1_000_000), {
    default: '300',
    meaning:
      'requests to the REST API that one valid token, and one address without a valid token, may make in a minute',
  })
  readonly apiRateLimitPerMin: number;

  @EnvVar('TRUSTED_PROXY_HOPS', integer(0, 10), {
    default: '0',
    meaning: "trusted proxies in front of the service: callers' addresses are taken from their X-Forwarded-For",
  })
  readonly trustedProxyHops: number;

  @EnvVar('CORS_ALLOWED_ORIGINS', texts, {
    default: '',
    meaning: 'origins whose pages may call the REST API, separated by commas; * for all; unset: none',
  })
  readonly corsAllowedOrigins: readonly string[];

  @EnvVar('SWAGGER_ENABLED', flag, {
    meaning: 'serve Swagger UI at /api; unset: only outside production. The document at /api-json is always served',
  })
  readonly swaggerEnabled?: boolean;

  @EnvVar('SMTP_HOST', text(253), { meaning: 'mail server; unset: mails are neither queued nor sent' })
  readonly smtpHost?: string;

  @EnvVar('SMTP_PORT', integer(1, 65535), { default: '587', meaning: 'port of the mail server' })
  readonly smtpPort: number;

  @EnvVar('SMTP_SECURE', flag, {
    default: 'false',
    meaning: 'speak TLS from the first byte (port 465); false: STARTTLS where the mail server offers it',
  })
  readonly smtpSecure: boolean;

  @EnvVar('SMTP_USER', text(), { meaning: 'account at the mail server; unset: mails are sent without logging in' })
  readonly smtpUser?: string;

  @EnvVar('SMTP_PASSWORD', text(), { secret: true, meaning: 'password of SMTP_USER; required with it' })
  readonly smtpPassword?: string;

  @EnvVar('SMTP_FROM', mailbox, { meaning: 'sender of the mails; required when SMTP_HOST is set' })
  readonly smtpFrom?: string;

  @EnvVar('ERROR_EMAIL_MIN_INTERVAL_IN_MINS', minutes(0, 10_080), {
    default: '60',
    meaning:
      'at most one mail per recipient and organization in this time; later events are sent together as one digest',
  })
  readonly errorEmailMinIntervalMs: number;

  @EnvVar('OPERATOR_EMAIL_RECIPIENTS', emails, {
    default: '',
    meaning: 'addresses for mails about problems that operators must solve, separated by commas',
  })
  readonly operatorEmailRecipients: readonly string[];

  /**
   * @param env usually `process.env`
   * @throws ConfigError listing every bad variable
   */
  static fromEnvironment(env: NodeJS.ProcessEnv): Config {
    const config = new Config();
    readEnvironment(config, env);
    return config;
  }

  /** @returns one line for each wrong combination of variables that are valid alone; it begins with a variable's name */
  check(): string[] {
    const problems: string[] = [];
    if (this.smtpHost && !this.smtpFrom) problems.push('SMTP_FROM is required when SMTP_HOST is set');
    if (this.smtpUser && !this.smtpPassword) problems.push('SMTP_PASSWORD is required when SMTP_USER is set');
    return problems;
  }

  /** Where traces are sent; undefined while tracing is off. */
  get tracesUrl(): string | undefined {
    if (this.otelDisabled) return undefined;
    return this.otlpTracesEndpoint ?? (this.otlpEndpoint && `${this.otlpEndpoint}/v1/traces`);
  }

  /** What the call of one delivery attempt may take at most, its preparation aside; in milliseconds. */
  get longestDeliveryMs(): number {
    return Math.max(this.webhookTimeoutMs, this.flowTriggerTimeoutMs);
  }

  /** What one attempt may take at most, its preparation included; in milliseconds. */
  get longestAttemptMs(): number {
    return this.longestDeliveryMs + 2 * this.requestTimeoutMs;
  }

  /** Whether lines of level info are written; if not, the facts of an attempt's line are not collected either. */
  get logsInfo(): boolean {
    return ['info', 'debug', 'trace'].includes(this.logLevel);
  }

  get production(): boolean {
    return this.nodeEnv === 'production';
  }
}
