import { randomBytes } from 'node:crypto';
import { parseEnv } from 'node:util';
import { configTable, currentExample, envExample, tableInReadme } from '../../tools/config-docs.js';
import { Config } from './config.js';
import { ConfigError, envVarsOf } from './env-var.js';
import { MigrationConfig } from './migration-config.js';

const MINIMUM = {
  CORE_URL: 'http://core:8080',
  CORE_TOKEN: 'core-token-secret',
  EVENT_PUBLISHER_URL: 'http://publisher:8081',
  NLP_URL: 'http://nlp:2055',
};
const KEY = randomBytes(32).toString('base64');
const PRODUCTION = {
  ...MINIMUM,
  NODE_ENV: 'production',
  MONGODB_URI: 'mongodb://db/x',
  SECRETS_ENCRYPTION_KEY: KEY,
};

const read = (env: Record<string, string> = {}) => Config.fromEnvironment({ ...MINIMUM, ...env });

function problemsOf(env: Record<string, string>): readonly string[] {
  return refusalOf(env).problems;
}

function refusalOf(env: Record<string, string>): ConfigError {
  try {
    Config.fromEnvironment(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('the documents that `npm run config-docs` writes', () => {
  it("README's table has every variable as the class describes it", () => {
    expect(tableInReadme()).toBe(configTable());
  });

  it('.env.example has every variable as the class describes it', () => {
    expect(currentExample()).toBe(envExample());
  });

  it('.env.example can be used as it is, and with every line in it set', () => {
    const asItIs = Config.fromEnvironment(parseEnv(currentExample()));
    const allSet = Config.fromEnvironment(parseEnv(currentExample().replace(/^#(?=[A-Z_]+=)/gm, '')));
    expect(allSet).toEqual(asItIs);
    expect(asItIs).toEqual(Config.fromEnvironment({ ...parseEnv(currentExample()), PORT: '3002' }));
  });
});

describe('the variables', () => {
  const specs = envVarsOf(Config);

  it('are declared once each, on a property of its own', () => {
    expect(new Set(specs.map(({ name }) => name)).size).toBe(specs.length);
    expect(new Set(specs.map(({ property }) => property)).size).toBe(specs.length);
  });

  it('are secret when their name speaks of a token, a password or a key', () => {
    const suspicious = specs.filter(({ name }) => /TOKEN|PASSWORD|_KEYS?$|SECRET/.test(name));
    expect(suspicious.length).toBeGreaterThanOrEqual(4);
    expect(suspicious.filter(({ secret }) => !secret).map(({ name }) => name)).toEqual([]);
  });

  it('have the defaults of the original service', () => {
    const config = read();
    expect(config.port).toBe(3002);
    expect(config.requestTimeoutMs).toBe(5_000);
    expect(config.flowTriggerTimeoutMs).toBe(30_000);
    expect(config.sessionCheckIntervalMs).toBe(300_000);
    expect(config.defaultThresholdSeconds).toBe(1_800);
    expect(config.pipelinePollTimeoutMs).toBe(360_000);
    expect(config.production).toBe(false);
  });

  it('count as unset when empty or blank', () => {
    expect(read({ PORT: '', LOG_LEVEL: '  ', MONGODB_URI: '' })).toEqual(read());
  });

  it('are trimmed', () => {
    expect(read({ PORT: ' 4000 ' }).port).toBe(4_000);
  });
});

describe('a wrong start', () => {
  it('lists every bad variable in one message', () => {
    const env = {
      NODE_ENV: 'prod',
      PORT: '70000',
      INSTANCE_NAME: 'one / two',
      LOG_LEVEL: 'loud',
      MONGODB_URI: 'mysql://db',
      CORE_URL: 'core:8080',
      EVENT_PUBLISHER_URL: 'http://user:pass@publisher',
      SESSION_SERVICE_REQUEST_TIMEOUT: '5s',
      CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '-1',
      SESSION_PAGE_SIZE: '0',
      DELIVERY_RETRY_SCHEDULE: '5s,soon',
      WEBHOOK_ALLOW_HTTP: 'yes',
      WEBHOOK_ALLOWED_PRIVATE_CIDRS: '10.0.0.0',
      SECRETS_ENCRYPTION_KEY: 'short',
      SMTP_FROM: 'nobody',
      OPERATOR_EMAIL_RECIPIENTS: 'ops@example.com,ops',
    };
    const { problems, message } = refusalOf(env);
    const named = problems.map((problem) => problem.split(' ', 1)[0]);
    expect(named.sort()).toEqual([...Object.keys(env), 'CORE_TOKEN', 'NLP_URL'].sort());
    for (const problem of problems) expect(message).toContain(`\n  - ${problem}`);
  });

  it.each(envVarsOf(Config).filter(({ secret }) => secret))('never shows the value of $name', ({ name }) => {
    const value = `no-such-thing-${'x'.repeat(5_000)}`;
    expect(refusalOf({ [name]: value, PORT: 'x' }).message).not.toContain('no-such-thing');
  });

  it('repeats no value at all, as it may have been put into the wrong variable', () => {
    const env = Object.fromEntries(envVarsOf(Config).map(({ name }) => [name, 'mis placed']));
    const { message, problems } = refusalOf(env);
    expect(message).not.toContain('mis placed');
    expect(problems.length).toBeGreaterThan(25);
  });

  it('names what is required, and nothing that has a default', () => {
    expect(problemsOf({})).toEqual([
      'CORE_URL is required',
      'CORE_TOKEN is required',
      'EVENT_PUBLISHER_URL is required',
      'NLP_URL is required',
    ]);
  });

  it('in production also misses the database and the key', () => {
    expect(problemsOf({ ...MINIMUM, NODE_ENV: 'production' })).toEqual([
      'MONGODB_URI is required in production',
      'SECRETS_ENCRYPTION_KEY is required in production',
    ]);
    expect(Config.fromEnvironment(PRODUCTION).production).toBe(true);
  });

  it('misses what a variable that is set asks for, once', () => {
    expect(problemsOf({ ...MINIMUM, SMTP_HOST: 'mail' })).toEqual(['SMTP_FROM is required when SMTP_HOST is set']);
    expect(problemsOf({ ...MINIMUM, SMTP_USER: 'bot' })).toEqual(['SMTP_PASSWORD is required when SMTP_USER is set']);
    expect(problemsOf({ ...MINIMUM, SMTP_HOST: 'mail', SMTP_FROM: 'x' })).toEqual([
      expect.stringMatching(/^SMTP_FROM must be an e-mail address/),
    ]);
  });
});

describe('the types', () => {
  it.each([
    ['0', 0],
    ['0.02', 1_200],
    ['5', 300_000],
    ['1440', 86_400_000],
  ])('minutes take decimals: %s', (text, ms) => {
    expect(read({ CHAT_SESSION_CHECK_INTERVAL_IN_MINS: text }).sessionCheckIntervalMs).toBe(ms);
    expect(read({ NLP_PIPELINE_CHECK_INTERVAL_IN_MINS: text }).pipelineCheckIntervalMs).toBe(ms);
  });

  it.each(['1e3', '0x10', '5 min', ',5', 'NaN', 'Infinity', '1441', '.5'])('minutes are not %s', (text) => {
    expect(problemsOf({ ...MINIMUM, CHAT_SESSION_CHECK_INTERVAL_IN_MINS: text })).toHaveLength(1);
  });

  it('seconds take decimals', () => {
    expect(read({ NLP_PIPELINE_POLL_INTERVAL_IN_SECS: '0.05' }).pipelinePollIntervalMs).toBe(50);
  });

  it.each(['3002.5', '-1', '65536', '1e3', '0x1', ''.padEnd(30, '9')])('whole numbers are not %s', (text) => {
    expect(problemsOf({ ...MINIMUM, PORT: text })).toEqual(['PORT must be a whole number from 0 to 65535']);
  });

  it.each(['TRUE', '1', 'on', 'False'])('flags are not %s', (text) => {
    expect(problemsOf({ ...MINIMUM, WEBHOOK_ALLOW_HTTP: text })).toEqual(['WEBHOOK_ALLOW_HTTP must be true or false']);
  });

  it('durations have a unit each; by default the waits last for more than three days', () => {
    expect(read({ DELIVERY_RETRY_SCHEDULE: '250ms, 5s,1m,2h,1d' }).retryScheduleMs).toEqual([
      250, 5_000, 60_000, 7_200_000, 86_400_000,
    ]);
    expect(read().retryScheduleMs.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThan(3 * 86_400_000);
  });

  it.each(['5', '5s,', '5 s', '1.5h', '-5s', '5w'])('durations are not %s', (text) => {
    expect(problemsOf({ ...MINIMUM, DELIVERY_RETRY_SCHEDULE: text })).toHaveLength(1);
  });

  it('CIDRs are IPv4 and IPv6 ranges; unset there are none', () => {
    const ranges = read({ WEBHOOK_ALLOWED_PRIVATE_CIDRS: '10.20.0.0/16, fd00::/8' }).webhookAllowedPrivateCidrs;
    expect(ranges.map(([address, bits]) => `${address.toString()}/${bits}`)).toEqual(['10.20.0.0/16', 'fd00::/8']);
    expect(read().webhookAllowedPrivateCidrs).toEqual([]);
  });

  it.each(['10.0.0.0', '10.0.0.0/33', 'localhost/8', '10.0.0.0/8;10.1.0.0/16'])('CIDRs are not %s', (text) => {
    expect(problemsOf({ ...MINIMUM, WEBHOOK_ALLOWED_PRIVATE_CIDRS: text })).toHaveLength(1);
  });

  it('ports are a list; unset it is empty', () => {
    expect(read({ WEBHOOK_ALLOWED_PORTS: '443, 8443' }).webhookAllowedPorts).toEqual([443, 8443]);
    expect(read().webhookAllowedPorts).toEqual([]);
  });

  it.each(['0', '65536', '-1', '443-8443', 'https', '443;8443'])('ports are not %s', (text) => {
    expect(problemsOf({ ...MINIMUM, WEBHOOK_ALLOWED_PORTS: text })).toHaveLength(1);
  });

  it('a key is 32 bytes in base64', () => {
    expect(read({ SECRETS_ENCRYPTION_KEY: KEY }).secretsEncryptionKey).toEqual(Buffer.from(KEY, 'base64'));
    expect(read({ SECRETS_ENCRYPTION_OLD_KEYS: `${KEY},${KEY}` }).secretsEncryptionOldKeys).toHaveLength(2);
    expect(read().secretsEncryptionOldKeys).toEqual([]);
  });

  it.each([
    ['31 bytes', randomBytes(31).toString('base64')],
    ['33 bytes', randomBytes(33).toString('base64')],
    ['hex', randomBytes(32).toString('hex')],
    ['with something behind it', `${KEY}!`],
  ])('a key is not %s', (_, text) => {
    expect(problemsOf({ ...MINIMUM, SECRETS_ENCRYPTION_KEY: text })).toEqual([
      expect.stringMatching(/^SECRETS_ENCRYPTION_KEY must be 32 bytes in base64/),
    ]);
  });

  it('a URL loses its slash at the end, so that paths can be appended', () => {
    expect(read({ CORE_URL: 'https://core.example.com/base//' }).coreUrl).toBe('https://core.example.com/base');
  });

  it.each(['ftp://core', 'http://core?x=1', 'http://core#x', 'http://u@core', '//core', '/core'])(
    'a URL is not %s',
    (text) => {
      expect(problemsOf({ ...MINIMUM, CORE_URL: text })).toHaveLength(1);
    },
  );

  it.each(['mongodb://a,b/x?replicaSet=r', 'mongodb+srv://user:p%40ss@cluster/x'])('a database is %s', (uri) => {
    expect(read({ MONGODB_URI: uri }).mongodbUri).toBe(uri);
  });

  it('lists are split at commas, and blanks in them are nothing', () => {
    expect(read({ CORS_ALLOWED_ORIGINS: 'https://a.example , ,https://b.example' }).corsAllowedOrigins).toEqual([
      'https://a.example',
      'https://b.example',
    ]);
  });
});

describe('the configuration of `npm run migrate`', () => {
  it('needs MONGODB_URI, and reads nothing else', () => {
    const config = MigrationConfig.fromEnvironment({ MONGODB_URI: 'mongodb://db/x', PORT: 'wrong' });
    expect(config.mongodbUri).toBe('mongodb://db/x');
    expect(config.migrationsOnStart).toBe(true);
  });

  it('is refused without it', () => {
    expect(() => MigrationConfig.fromEnvironment(MINIMUM)).toThrow(/MONGODB_URI is required/);
  });
});
