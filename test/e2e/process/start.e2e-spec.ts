import { ServiceProcess } from '../../world/service/service-process.js';
import { waitFor } from '../../support/wait-for.js';
import { OwnMongodb } from '../fixtures/mongodb.js';
import { ProcessRound, sessionsHeard } from '../fixtures/process.js';

jest.setTimeout(120_000);

/** A busy machine takes its time to start a process. */
const PATIENT = { timeoutMs: 30_000 };

const statusOf = (url: string) => fetch(url).then((response) => response.status, String);

describe('the start of the service', () => {
  const cleanUps: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  });

  it('ends with exit code 1 and names every bad variable, but no secret, when the configuration is wrong', async () => {
    const secrets = {
      MONGODB_URI: 'postgres://user:hunter2-in-the-uri@db.example.com/x',
      SECRETS_ENCRYPTION_KEY: 'hunter2-is-no-key',
      CORE_TOKEN: 'hunter2-is-the-token',
      SMTP_PASSWORD: 'hunter2-of-the-mail-server',
    };
    const wrong = {
      CORE_URL: 'no url',
      LOG_LEVEL: 'loud',
      DELIVERY_RETRY_SCHEDULE: 'soon',
      WEBHOOK_TIMEOUT_MS: '1',
      WEBHOOK_ALLOWED_PRIVATE_CIDRS: '10.0.0.0/99',
    };
    const missing = ['EVENT_PUBLISHER_URL', 'NLP_URL'];
    const service = await ServiceProcess.start({ ...secrets, ...wrong });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    const said = await waitFor('what it said', () => service.output.join('\n').includes('NLP_URL') && service.tail(50));
    for (const name of [...Object.keys(wrong), ...missing, 'MONGODB_URI', 'SECRETS_ENCRYPTION_KEY']) {
      expect(said).toContain(name);
    }
    expect(said).not.toContain('hunter2');
  });

  it('leaves it alive and not ready while the database is away, and working once it is there', async () => {
    const mongodb = await OwnMongodb.create();
    const round = await ProcessRound.start('process-start', { MONGODB_URI: mongodb.uri('process-start') });
    cleanUps.push(
      () => round.stop(),
      () => mongodb.remove(),
    );
    round.addTenant('t1');
    const sessionIds = round.addSessions('t1', 3);
    const service = await round.spawn();
    await waitFor('the service to listen', async () => (await statusOf(`${service.url}/health`)) === 200, PATIENT);
    await waitFor(
      'a word of it in the log',
      () => service.logged('the database could not be opened').length > 0,
      PATIENT,
    );
    const readiness = await fetch(`${service.url}/health/ready`);
    expect(readiness.status).toBe(503);
    expect(await readiness.json()).toMatchObject({ status: 'not ready', database: 'down' });

    await mongodb.start();
    await service.waitReady(PATIENT.timeoutMs);
    await waitFor('the flows', () => round.platform.publisher.triggers.length === 3, PATIENT);
    expect(round.timesTold(sessionIds).completed).toEqual([1, 1, 1]);
    expect(await (await fetch(`${service.url}/health`)).json()).toEqual({ status: 'ok' });
    expect(round.platform.violations).toEqual([]);
  });

  it('is followed by a readiness that tells when the last session check ended', async () => {
    const round = await ProcessRound.start('process-start');
    cleanUps.push(() => round.stop());
    round.addTenant('t1');
    const receiver = await round.addWebhook({ id: 1, organizationId: 'org-t1', tenants: ['t1'] });
    const sessionIds = round.addSessions('t1', 3);
    const service = await round.spawn();
    await service.waitReady(PATIENT.timeoutMs);
    await round.allSettled(3);
    expect(sessionsHeard(receiver)).toEqual(sessionIds);
    const readiness = await waitFor('a check to have ended', async () => {
      const body = (await (await fetch(`${service.url}/health/ready`)).json()) as { sessionCheck: { lastFinishedAt?: string } }; // prettier-ignore
      return body.sessionCheck.lastFinishedAt ? body : undefined;
    });
    expect(readiness).toMatchObject({ status: 'ready', database: 'up', sessionCheck: { failing: false } });
  });
});
