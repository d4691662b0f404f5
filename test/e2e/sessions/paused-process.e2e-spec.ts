import { Round } from '../fixtures/round.js';
import { captureLogs } from '../fixtures/captured-logs.js';

const PAUSE_MS = 120_000;
const LIST = 'GET /chat-sessions';

jest.setTimeout(30_000); // a busy machine must not fail it

it('a process that was paused after it read a page reads the page again, and completes no session whose user wrote meanwhile', async () => {
  const round = await Round.start('session-check-paused');
  round.addTenant('t1');
  const receiver = await round.addWebhook('t1');
  const [ended, cameBack] = [round.addSession('t1', 20), round.addSession('t1', 20)];
  const logs = captureLogs(round);
  const now = Date.now;
  let paused = false;
  round.core.server.onAnswered(LIST, ({ query }) => {
    if (paused || query.get('includeMessages') !== 'true') return;
    paused = true;
    jest.spyOn(Date, 'now').mockImplementation(() => now() + PAUSE_MS);
    round.core.touch(cameBack, new Date());
  });

  const figures = await round.check();
  jest.restoreAllMocks();
  const completions = await round.allSettled();
  expect(paused).toBe(true);
  expect(figures).toMatchObject({ completed: 1, refused: 0, tenantsFailed: 0 });
  expect(logs.filter(({ event }) => event === 'completion.out-of-date')).toHaveLength(1);
  expect([...completions.keys()]).toEqual([ended]);
  expect(round.core.session(cameBack).status).toBe('ACTIVE');
  expect(round.core.completed.get(cameBack)).toBeUndefined();
  expect(round.core.completed.get(ended)).toMatchObject({ count: 1 });
  expect(receiver.received.map(({ sessionId }) => sessionId)).toEqual([ended]);
  expect(round.platform.violations).toEqual([]);
  await round.stop();
});
