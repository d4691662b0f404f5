// Lints the OpenAPI document of the built service with Redocly CLI and Spectral; a warning of either fails. The document
// comes from the application's container: no port is opened, no database asked.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const FOLDER = 'node_modules/.cache';
const DOCUMENT = `${FOLDER}/openapi.json`;

const require = createRequire(import.meta.url);
require('reflect-metadata');
const { NestFactory } = require('@nestjs/core');
const { AppModule } = require('../dist/app.module.js');
const { Config } = require('../dist/config/config.js');
const { apiDocument } = require('../dist/http/api-document.js');
const { publishedWebhooks } = require('../dist/api/published-webhooks.js');

const config = Config.fromEnvironment({
  NODE_ENV: 'test',
  MONGODB_URI: 'mongodb://127.0.0.1:1/none',
  CORE_URL: 'http://core.invalid',
  CORE_TOKEN: 'none',
  EVENT_PUBLISHER_URL: 'http://publisher.invalid',
  NLP_URL: 'http://nlp.invalid',
});
const app = await NestFactory.create(AppModule.for(config), { logger: false, abortOnError: false });
mkdirSync(FOLDER, { recursive: true });
writeFileSync(DOCUMENT, JSON.stringify(apiDocument(app, publishedWebhooks()), null, 2));

const redocly = run('redocly', ['lint', DOCUMENT, '--config', 'tools/lint/redocly.yaml', '--max-problems', '100']);
const spectral = run('spectral', [
  'lint',
  DOCUMENT,
  '--ruleset',
  'tools/lint/spectral.yaml',
  '--fail-severity',
  'warn',
]);
process.exit(redocly && spectral ? 0 : 1); // what the application holds open ends with the process

/** Redocly exits 0 with warnings, and says "Your API description is valid" only without any. */
function run(command, args) {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  const { status, stdout, stderr } = spawnSync(`node_modules/.bin/${command}`, args, { env, encoding: 'utf8' });
  const said = `${stdout}${stderr}`;
  const clean = status === 0 && !/\bwarnings?\b/.test(said.replace(/Deprecation warning/, ''));
  console.log(clean ? `${command}: no error, no warning` : said);
  return clean;
}
