import { ServiceUnavailableException } from '@nestjs/common';
import { Clock } from '../persistence/clock.js';
import type { CurrentUser } from '../platform/core/current-user.dto.js';
import { PlatformError, type PlatformErrorFacts } from '../platform/platform-error.js';
import { Authenticator } from './authenticator.js';

class StandingClock extends Clock {
  at = 1_000_000;
  override now(): number {
    return this.at;
  }
}

/** Answers what was arranged, in order, and keeps the tokens it was asked with. */
class FakeCore {
  readonly journal: string[] = [];
  answers: (CurrentUser | Partial<PlatformErrorFacts>)[] = [];

  getCurrentUser(token: string): Promise<CurrentUser> {
    this.journal.push(token);
    const answer = this.answers.shift();
    if (!answer) throw new Error('nobody arranged this call');
    if ('id' in answer) return Promise.resolve(answer);
    const facts = { service: 'hbf-core', route: '/users/me', kind: 'refused', code: 'x', ...answer } as const;
    return Promise.reject(new PlatformError(facts));
  }
}

const user = (id: string): CurrentUser => ({
  id,
  email: undefined,
  isModerator: false,
  organizationRoles: new Map(),
  effectiveRoles: undefined,
});

function arrange(...answers: FakeCore['answers']) {
  const core = new FakeCore();
  core.answers = answers;
  const clock = new StandingClock();
  return { core, clock, authenticator: new Authenticator(core, clock) };
}

describe('Authenticator', () => {
  it('remembers a user for a minute', async () => {
    const { core, clock, authenticator } = arrange(user('first'), user('second'));
    expect(await authenticator.userOf('t')).toMatchObject({ id: 'first' });
    clock.at += 59_999;
    expect(await authenticator.userOf('t')).toMatchObject({ id: 'first' });
    clock.at += 1;
    expect(await authenticator.userOf('t')).toMatchObject({ id: 'second' });
    expect(core.journal).toEqual(['t', 't']);
  });

  it('remembers a refusal for five seconds', async () => {
    const { clock, authenticator } = arrange({ status: 401, kind: 'unauthorized' }, user('now known'));
    expect(await authenticator.userOf('t')).toBe('unknown');
    clock.at += 4_999;
    expect(await authenticator.userOf('t')).toBe('unknown');
    clock.at += 1;
    expect(await authenticator.userOf('t')).toMatchObject({ id: 'now known' });
  });

  it.each([
    [{ status: 400 }],
    [{ status: 403, kind: 'unauthorized' as const }],
    [{ status: 404, kind: 'not-found' as const }],
    [{ kind: 'unauthorized' as const, code: 'impossible_token' }],
  ])('takes %j for a refusal', async (answer) => {
    expect(await arrange(answer).authenticator.userOf('t')).toBe('unknown');
  });

  it.each([
    [{ status: 500, kind: 'failed' as const }],
    [{ status: 302 }],
    [{ status: 429, kind: 'busy' as const }],
    [{ kind: 'timeout' as const }],
    [{ kind: 'unreachable' as const }],
    [{ kind: 'shape' as const }],
  ])('says for %j that nobody knows, and asks again', async (answer) => {
    const { authenticator } = arrange(answer, user('known'));
    await expect(authenticator.userOf('t')).rejects.toBeInstanceOf(ServiceUnavailableException);
    expect(await authenticator.userOf('t')).toMatchObject({ id: 'known' });
  });

  it('asks once for requests that come at once, and keeps tokens apart', async () => {
    const { core, authenticator } = arrange(user('a'), user('b'));
    const users = await Promise.all(['t1', 't2', 't1', 't1'].map((token) => authenticator.userOf(token)));
    expect(users).toMatchObject(['a', 'b', 'a', 'a'].map((id) => ({ id })));
    expect(core.journal).toEqual(['t1', 't2']);
  });

  it('takes a token for expired when hbf-core says so, or when it says so itself', async () => {
    const refused = { status: 401, kind: 'unauthorized' as const };
    const told = arrange({ ...refused, tokenExpired: true }).authenticator;
    expect(await told.userOf('t')).toBe('expired');
    const exp = (seconds: number) => `e30.${Buffer.from(JSON.stringify({ exp: seconds })).toString('base64url')}.c2ln`;
    const { authenticator } = arrange(refused, refused);
    expect(await authenticator.userOf(exp(999))).toBe('expired');
    expect(await authenticator.userOf(exp(1_001))).toBe('unknown');
  });

  it('is familiar with a token for an hour, until hbf-core refuses it', async () => {
    const { clock, authenticator } = arrange(user('first'), { status: 401, kind: 'unauthorized' }, user('second'));
    expect(authenticator.isFamiliar('t')).toBe(false);
    await authenticator.userOf('t');
    clock.at += 60_000;
    expect([authenticator.isFamiliar('t'), authenticator.isFamiliar('other')]).toEqual([true, false]);
    await authenticator.userOf('t');
    expect(authenticator.isFamiliar('t')).toBe(false);
    clock.at += 5_000;
    await authenticator.userOf('t');
    clock.at += 3_599_999;
    expect(authenticator.isFamiliar('t')).toBe(true);
    clock.at += 1;
    expect(authenticator.isFamiliar('t')).toBe(false);
  });
});
