import { runCrashes } from '../../crash/crash-run.js';

jest.setTimeout(180_000);

/** The short form of `npm run test:crash`; a failure tells the seed. */
it('a service and a database that are killed at random moments lose no delivery, and repeat only what was in flight', async () => {
  const seed = Date.now() % 1_000_000;
  const kills = { service: 5, database: 1, both: 1 };
  const result = await runCrashes({ seed, kills, sessions: 100, tenants: 5 });
  expect({ seed, problems: result.problems }).toEqual({ seed, problems: [] });
  expect(result).toMatchObject({ serviceKills: 6, databaseKills: 2, sessions: 100 });
  expect(result.expected).toBeGreaterThan(300);
});
