import { testConfig } from '../../test/world/service/service-environment.js';
import { SecretError, Secrets } from './secrets.js';

const OLD = Buffer.alloc(32, 1).toString('base64');
const NEW = Buffer.alloc(32, 2).toString('base64');

function secretsWith(extra: NodeJS.ProcessEnv): Secrets {
  return new Secrets(testConfig(extra));
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof SecretError) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}

describe('Secrets', () => {
  it('opens what it sealed, the empty text and every script included', () => {
    const secrets = secretsWith({ SECRETS_ENCRYPTION_KEY: NEW });
    for (const plain of ['', 'Bearer abc', 'κωδικός 🔑', 'x'.repeat(4096)]) {
      expect(secrets.decrypt(secrets.encrypt(plain))).toBe(plain);
    }
  });

  it('stores neither the plain text nor the key, and never the same bytes twice', () => {
    const secrets = secretsWith({ SECRETS_ENCRYPTION_KEY: NEW });
    const [first, second] = [secrets.encrypt('token-value'), secrets.encrypt('token-value')];
    expect(JSON.stringify(first)).not.toContain(Buffer.from('token-value').toString('base64'));
    expect(JSON.stringify(first)).not.toContain('token-value');
    expect(first.data).not.toBe(second.data);
    expect(first.keyId).toBe(second.keyId);
    expect(NEW).not.toContain(first.keyId);
  });

  it('opens with a former key and seals with the present one', () => {
    const sealed = secretsWith({ SECRETS_ENCRYPTION_KEY: OLD }).encrypt('kept');
    const rotated = secretsWith({ SECRETS_ENCRYPTION_KEY: NEW, SECRETS_ENCRYPTION_OLD_KEYS: OLD });
    expect(rotated.decrypt(sealed)).toBe('kept');
    expect(rotated.encrypt('kept').keyId).not.toBe(sealed.keyId);
  });

  it('refuses a key that is not configured, and what was tampered with', () => {
    const secrets = secretsWith({ SECRETS_ENCRYPTION_KEY: NEW });
    const foreign = secretsWith({ SECRETS_ENCRYPTION_KEY: OLD }).encrypt('x');
    const sealed = secrets.encrypt('abcdef');
    expect(codeOf(() => secrets.decrypt(foreign))).toBe('unknown_key');
    expect(codeOf(() => secrets.decrypt({ ...sealed, keyId: sealed.keyId, data: 'AAAAAAAA' }))).toBe('not_authentic');
    expect(codeOf(() => secrets.decrypt({ ...sealed, tag: 'AAAA' }))).toBe('not_authentic');
  });

  it('works without a key outside production', () => {
    const sealed = secretsWith({}).encrypt('dev');
    expect(secretsWith({}).decrypt(sealed)).toBe('dev');
  });
});
