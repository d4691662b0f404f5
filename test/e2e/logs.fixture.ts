import type { Message } from '../support/conversations.js';
import { connect, dropDatabase, migrate, testDatabaseUri } from '../support/database.js';
import { insertIntegration } from '../support/integrations.js';
import { PlatformSimulator } from '../support/platform-simulator.js';
import { PLANTED_SECRETS } from '../support/planted-secrets.js';
import { serviceEnvironment, TEST_ENCRYPTION_KEY } from '../support/service-environment.js';
import { ServiceProcess } from '../support/service-process.js';
import { SmtpSink } from '../support/smtp-sink.js';
import { type Behavior, WebhookReceiver } from '../support/webhook-receiver.js';

const CUSTOMER = {
  message: 'my IBAN is GR16-0110-1250',
  variable: 'variable-of-the-conversation',
  contactEmail: 'contact.of.crm@customer.example',
  header: 'Bearer webhook-header-value',
  query: 'webhook-query-value',
  answer: 'what-the-receiver-answers',
  signingSecret: `whsec_${Buffer.alloc(24, 9).toString('base64')}`,
  recipient: 'recipient.of.errors@customer.example',
};

const PLATFORM = {
  malformed: 'malformed-last-interaction',
  noJson: 'no-json-but-a-transcript',
  errorBody: 'error-body-of-the-publisher',
  pipelineError: 'pipeline-error-detail',
};

const CALLER = {
  userToken: 'token-of-a-user',
  userEmail: 'admin.of.org@customer.example',
  wrongToken: 'token-of-nobody',
  cookie: 'session-cookie-value',
  apiQuery: 'query-of-the-api',
  newHeader: 'header-value-of-a-new-integration',
  badBody: 'text-in-a-bad-body',
};

const OPERATOR = {
  smtpPassword: 'password-of-smtp',
  encryptionKey: TEST_ENCRYPTION_KEY,
  mailTo: 'operators@example.org',
};

/** Texts that no log line may hold. */
export const FORBIDDEN: readonly string[] = [
  ...PLANTED_SECRETS,
  ...[CUSTOMER, PLATFORM, CALLER, OPERATOR].flatMap((texts) => Object.values<string>(texts)),
];

/** How each webhook integration's receiver behaves; the integrations' ids count from 1. */
const RECEIVERS: readonly Behavior[] = [
  { kind: 'ok', body: CUSTOMER.answer },
  { kind: 'status', status: 500, body: CUSTOMER.answer },
  { kind: 'status', status: 410, body: CUSTOMER.answer },
  { kind: 'status', status: 302, headers: { location: `https://elsewhere.example/?${CUSTOMER.query}` } },
  { kind: 'reset' },
  { kind: 'hang' },
];

/** A world full of secrets in which everything goes wrong at least once, and the service as a process in it. */
export class LeakyWorld {
  private constructor(
    readonly platform: PlatformSimulator,
    readonly smtp: SmtpSink,
    readonly receivers: readonly WebhookReceiver[],
    readonly service: ServiceProcess,
  ) {}

  static async start(name: string, env: Record<string, string> = {}): Promise<LeakyWorld> {
    const uri = testDatabaseUri(name);
    await dropDatabase(uri);
    await migrate(uri);
    const [platform, smtp] = [await PlatformSimulator.start(), await SmtpSink.start()];
    const receivers = await Promise.all(RECEIVERS.map(() => WebhookReceiver.start()));
    receivers.forEach((receiver, index) => receiver.behave(RECEIVERS[index]!));
    await integrate(uri, receivers);
    populate(platform);
    spoil(platform);
    const service = await ServiceProcess.start({
      ...serviceEnvironment(platform, uri, smtp.environment),
      NODE_ENV: 'production',
      LOG_LEVEL: 'trace',
      MIGRATIONS_ON_START: 'false',
      CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.005',
      NLP_PIPELINE_CHECK_INTERVAL_IN_MINS: '0.005',
      NLP_PIPELINE_POLL_INTERVAL_IN_SECS: '0.05',
      WEBHOOK_TIMEOUT_MS: '300',
      SMTP_USER: 'session-manager',
      SMTP_PASSWORD: OPERATOR.smtpPassword,
      OPERATOR_EMAIL_RECIPIENTS: OPERATOR.mailTo,
      ...env,
    });
    return new LeakyWorld(platform, smtp, receivers, service);
  }

  /** What clients of the REST API send, rightly and wrongly. @returns the answers' statuses */
  async callApi(requestId: string): Promise<number[]> {
    const url = `${this.service.url}/organizations/org-t1/integrations`;
    const headers = { cookie: `sid=${CALLER.cookie}`, 'content-type': 'application/json', 'x-request-id': requestId };
    const asUser = { ...headers, authorization: `Bearer ${CALLER.userToken}` };
    const body = JSON.stringify({
      url: `https://hooks.example.com/?key=${CALLER.apiQuery}`,
      tenants: ['t1'],
      headers: [{ name: 'x-key', value: CALLER.newHeader }],
      errorEmailRecipients: [CUSTOMER.recipient],
      enabled: true,
    });
    const asked = [
      fetch(`${url}?page=0&pageSize=1&note=${CALLER.apiQuery}`, { headers: asUser }),
      fetch(url, { headers: { ...headers, authorization: `Bearer ${CALLER.wrongToken}` } }),
      fetch(url, { method: 'POST', headers: asUser, body }),
      fetch(url, { method: 'POST', headers: asUser, body: `{"a": ${CALLER.badBody}` }),
      fetch(`${this.service.url}/no-such-route?${CALLER.apiQuery}`, { headers: asUser }),
    ];
    return (await Promise.all(asked)).map(({ status }) => status);
  }

  /** All that the process wrote. */
  get written(): string {
    return [...this.service.logs.map((line) => JSON.stringify(line)), ...this.service.output].join('\n');
  }

  async stop(): Promise<void> {
    await this.service.kill();
    await Promise.all([this.platform.stop(), this.smtp.stop(), ...this.receivers.map((receiver) => receiver.stop())]);
  }
}

async function integrate(uri: string, receivers: readonly WebhookReceiver[]): Promise<void> {
  const client = await connect(uri);
  for (const [index, receiver] of receivers.entries()) {
    await insertIntegration(client.db(), {
      id: index + 1,
      organizationId: 'org-t1',
      tenants: ['t1'],
      url: `${receiver.url}?key=${CUSTOMER.query}`,
      headers: { authorization: CUSTOMER.header },
      signingSecret: CUSTOMER.signingSecret,
      errorEmailRecipients: [CUSTOMER.recipient],
    });
  }
  await client.close();
}

function populate({ core }: PlatformSimulator): void {
  core.addTenant({
    id: 't1',
    organizationId: 'org-t1',
    expireAfterSeconds: 600,
    summarizes: true,
    crm: true,
    autoTrain: true,
  });
  core.addUser({
    token: CALLER.userToken,
    email: CALLER.userEmail,
    organizationRoles: { 'org-t1': ['HBF_ORG_ADMIN'] },
  });
  const lastInteraction = new Date(Date.now() - 1_200_000);
  for (let n = 0; n < 3; n++) {
    const session = core.addSession({
      tenantId: 't1',
      lastInteraction,
      fields: { variables: { note: CUSTOMER.variable } },
    });
    session.messages.forEach((message: Message) => (message.message = CUSTOMER.message));
    const handle = session.messages.find(({ subscriberHandle }) => subscriberHandle)?.['subscriberHandle'];
    core.addContact({ tenantId: 't1', handle: String(handle), fields: { email: CUSTOMER.contactEmail } });
    core.addSurvey({ sessionId: session.id });
  }
  core.addSession({ tenantId: 't1', lastInteraction, fields: { lastInteraction: PLATFORM.malformed } });
  core.poison(core.addSession({ tenantId: 't1', lastInteraction }).id);
  core.addPipeline({ id: 'p1', tenantId: 't1', nlpService: 'HBF_NLP', fields: { error: PLATFORM.pipelineError } });
  core.pipelines.plan = { ...core.pipelines.plan, end: 'FAILED' };
}

function spoil(platform: PlatformSimulator): void {
  const tenants = { service: 'hbf-core', route: 'GET /tenants', times: 1 } as const;
  platform.fault({ ...tenants, kind: 'body', body: PLATFORM.noJson });
  platform.fault({ ...tenants, kind: 'body', body: { items: PLATFORM.noJson } });
  platform.fault({ ...tenants, kind: 'reset' });
  const trigger = { service: 'hbf-event-publisher', route: 'POST /connectors/flows:trigger', times: 2 } as const;
  platform.fault({ ...trigger, kind: 'status', status: 400, body: { message: PLATFORM.errorBody } });
  platform.fault({ ...trigger, kind: 'status', status: 503, body: { message: PLATFORM.errorBody } });
  platform.fault({ service: 'hbf-nlp', kind: 'reset', times: 2 });
  platform.fault({ service: 'hbf-core', route: 'GET /chat-sessions/{id}', kind: 'status', status: 500, times: 2 });
}
