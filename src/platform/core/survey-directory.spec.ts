import { stubOf } from '../../../test/support/stub.js';
import { PlatformError } from '../platform-error.js';
import { CoreClient } from './core.client.js';
import { SurveyDirectory } from './survey-directory.js';

describe('SurveyDirectory', () => {
  let asked: string[];
  let answer: () => Promise<boolean>;
  let directory: SurveyDirectory;

  beforeEach(() => {
    asked = [];
    answer = () => Promise.resolve(false);
    const hasSurveys = (organizationId: string) => (asked.push(organizationId), answer());
    directory = new SurveyDirectory(stubOf(CoreClient, { hasSurveys }));
  });

  it('asks once for each organization, for however many sessions', async () => {
    const ask = directory.freshly();
    expect(await Promise.all([ask('o1'), ask('o2'), ask('o1')])).toEqual([false, false, false]);
    expect(asked).toEqual(['o1', 'o2']);
  });

  it('asks anew for the next sessions: a survey may have come in', async () => {
    expect(await directory.freshly()('o1')).toBe(false);
    answer = () => Promise.resolve(true);
    expect(await directory.freshly()('o1')).toBe(true);
  });

  it('asks no more when an organization has some', async () => {
    answer = () => Promise.resolve(true);
    expect([await directory.freshly()('o1'), await directory.freshly()('o1')]).toEqual([true, true]);
    expect(asked).toEqual(['o1']);
  });

  const failure = (kind: PlatformError['kind']) =>
    new PlatformError({ service: 'hbf-core', route: '/organizations/{orgId}/surveys', kind, code: 'code' });

  it.each(['unauthorized', 'refused', 'shape'] as const)(
    'supposes some when the answer is %s, and asks again',
    async (kind) => {
      answer = () => Promise.reject(failure(kind));
      expect(await directory.freshly()('o1')).toBe(true);
      answer = () => Promise.resolve(false);
      expect(await directory.freshly()('o1')).toBe(false);
    },
  );

  it('does not suppose anything while hbf-core is away', async () => {
    answer = () => Promise.reject(failure('unreachable'));
    await expect(directory.freshly()('o1')).rejects.toMatchObject({ kind: 'unreachable' });
  });
});
