/**
 * The credentials that hbf-core hands out with its tenants and pipelines, each an unmistakable text. A test can look
 * for any of them in whatever leaves the service: payloads, logs, error records, mails.
 */
const planted: string[] = [];

function plant(name: string): string {
  const secret = `PLANTED-${name}-5ecre7`;
  planted.push(secret);
  return secret;
}

/** The service's own CORE_TOKEN in tests. */
export const CORE_TOKEN = plant('core-token');

const SETTINGS = {
  privacy: {
    anonymization: {
      url: 'https://anonymizer.example.com',
      headers: [{ name: 'authorization', value: plant('privacy-header') }],
    },
  },
  login: { clientId: 'hr-portal', clientSecret: plant('login-client-secret') },
  liveChat: { transcriptMailbox: { password: plant('mailbox-password') } },
};

const SYSTEM_SETTINGS = {
  nlpService: 'HELVIA',
  nlpServiceUrl: 'https://nlp.example.com',
  nlpAccessToken: plant('nlp-access-token'),
  dialogFlowDirect: { projectId: 'bot', clientEmail: 'bot@example.com', privateKey: plant('dialogflow-private-key') },
  languageDetection: { googleTranslateKey: plant('google-translate-key'), azureKey: plant('azure-key') },
  nlg: { apiKey: plant('nlg-api-key') },
  convManager: { token: plant('conv-manager-token') },
  liveChat: { target: { accessToken: plant('live-chat-access-token'), password: plant('live-chat-password') } },
  microsoftDataverse: { clientSecret: plant('dataverse-client-secret') },
  microsoftSharepoint: { clientSecret: plant('sharepoint-client-secret') },
};

const PLUGIN_INTEGRATION = {
  id: 'plugin-integration',
  apiKey: plant('plugin-api-key'),
  clientSecret: plant('plugin-client-secret'),
  secret: plant('plugin-secret'),
  token: plant('plugin-token'),
  password: plant('plugin-password'),
};

const NLP_MAP = {
  en: {
    id: 'pipeline-en',
    apiKey: plant('nlp-map-api-key'),
    bearerToken: plant('nlp-map-bearer-token'),
    privateKey: plant('nlp-map-private-key'),
    authoringKey: plant('nlp-map-authoring-key'),
    predictionKey: plant('nlp-map-prediction-key'),
  },
};

const DEPLOYMENTS = [
  {
    id: 'deployment-web',
    name: 'Web chat',
    settings: {
      integration: {
        directLineSecret: plant('direct-line-secret'),
        pageAccessToken: plant('facebook-page-token'),
        verifyToken: plant('facebook-verify-token'),
        appPassword: plant('teams-app-password'),
        signingSecret: plant('slack-signing-secret'),
        botToken: plant('slack-bot-token'),
        authToken: plant('viber-auth-token'),
      },
    },
  },
];

/** What a pipeline of hbf-core carries besides its name and state. */
export const PIPELINE_CREDENTIALS = {
  apiKey: plant('pipeline-api-key'),
  bearerToken: plant('pipeline-bearer-token'),
  privateKey: plant('pipeline-private-key'),
  clientSecret: plant('pipeline-client-secret'),
};

/** The planted parts of a tenant, to be merged into what a test says of it. */
export const TENANT_CREDENTIALS = {
  settings: SETTINGS,
  systemSettings: SYSTEM_SETTINGS,
  pluginIntegration: PLUGIN_INTEGRATION,
  nlpMap: NLP_MAP,
  botDeployments: DEPLOYMENTS,
  webhookKey: plant('a-kind-nobody-thought-of'),
};

/** Every planted text. */
export const PLANTED_SECRETS: readonly string[] = planted;

/** @returns those planted texts that `text` holds; a test expects none */
export function plantedSecretsIn(text: string): string[] {
  return PLANTED_SECRETS.filter((secret) => text.includes(secret));
}
