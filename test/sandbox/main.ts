import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { ADMIN_TOKEN, INTEGRATIONS } from './customers.js';
import { Feed } from './feed.js';
import { Narrator } from './narrator.js';
import { observe } from './observe.js';
import { type Cleanup, setStage, type Stage } from './stage.js';
import { Tally } from './tally.js';

const CONVERSATIONS = 40;
const DELIVERED_WITHIN_MS = 60_000;
/** After all has arrived: does a delivery arrive again, or is a session completed while its live chat is open? */
const WATCH_MS = 3_000;

/**
 * The service at work, for a person to look at. `--once`: one round of 40 conversations, a summary, and exit code 0
 * if every delivery arrived exactly once; else it runs until Ctrl-C.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
  const narrator = new Narrator((line) => console.log(line));
  const tally = new Tally();
  const cleanups: Cleanup[] = [];
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(
    () => 'interrupted' as const,
  );
  try {
    const stage = await setStage(
      cleanups,
      (parts) => observe(parts, tally, narrator),
      (line) => narrator.log(line),
    );
    await stage.service.waitReady();
    introduce(stage, narrator);
    const feed = new Feed(stage.platform, tally, narrator);
    cleanups.push(() => Promise.resolve(feed.stop()));
    const ended = stage.service.exited.then(() => 'ended' as const);
    return await (values.once ? round(stage, feed, tally, narrator, interrupted) : stream(stage, feed, narrator, interrupted, ended)); // prettier-ignore
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup().catch((error: unknown) => console.error(error));
  }
}

async function round(
  stage: Stage,
  feed: Feed,
  tally: Tally,
  narrator: Narrator,
  interrupted: Promise<unknown>,
): Promise<number> {
  feed.pour(CONVERSATIONS);
  const deadline = Date.now() + DELIVERED_WITHIN_MS;
  const delivered = async () => {
    while (tally.problems().length > 0 && stage.service.running && Date.now() < deadline) await delay(100);
    await delay(WATCH_MS);
  };
  if ((await Promise.race([delivered(), interrupted])) === 'interrupted') return 130;
  const problems = [...tally.problems(), ...stage.platform.violations];
  if (!stage.service.running) problems.push(`the service ended by itself:\n${stage.service.tail()}`);
  for (const receiver of Object.values(stage.receivers)) {
    problems.push(
      ...receiver.received.filter(unsigned).map(({ webhookId }) => `${webhookId}: the signature does not fit`),
    );
  }
  narrator.summary(tally.totals(), problems);
  return problems.length === 0 ? 0 : 1;
}

function unsigned({ path, verified }: { path: string; verified: boolean | undefined }): boolean {
  return verified === false && INTEGRATIONS.some(({ id, signed }) => signed && path === `/integrations/${id}`);
}

async function stream(
  stage: Stage,
  feed: Feed,
  narrator: Narrator,
  interrupted: Promise<unknown>,
  ended: Promise<unknown>,
): Promise<number> {
  feed.start();
  if ((await Promise.race([interrupted, ended])) === 'interrupted') {
    narrator.say('\nstopping');
    return 0;
  }
  narrator.say(`the service ended by itself:\n${stage.service.tail()}`);
  return 1;
}

function introduce({ platform, receivers, smtp, service }: Stage, narrator: Narrator): void {
  narrator.say(`
  service          ${service.url.replace('127.0.0.1', 'localhost')} (pid ${service.pid})
  Swagger UI       ${service.url.replace('127.0.0.1', 'localhost')}/api   token: ${ADMIN_TOKEN}
  health           ${service.url.replace('127.0.0.1', 'localhost')}/health/ready
  hbf-core         ${platform.core.server.url}
  event publisher  ${platform.publisher.server.url}
  hbf-nlp          ${platform.nlp.server.url}
  customers        ${receivers.steady.url} (steady), ${receivers.moody.url} (fails now and then)
  mail             smtp://127.0.0.1:${smtp.port}
`);
  for (const { id, organizationId, tenants, note } of INTEGRATIONS) {
    narrator.say(`  integration ${id}    ${organizationId}: ${tenants.join(', ')} (${note})`);
  }
  narrator.say('');
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
