import { Injectable, Logger } from '@nestjs/common';
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { Config } from '../config/config.js';

/** A secret as it is stored: AES-256-GCM, every part but the key's id in base64. */
export interface SealedSecret {
  /** Identifies the key that sealed it, without revealing it. */
  keyId: string;
  iv: string;
  tag: string;
  data: string;
}

/** A sealed secret cannot be opened: its key is not configured, or it was tampered with. Never carries the secret. */
export class SecretError extends Error {
  constructor(
    readonly code: 'unknown_key' | 'not_authentic',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'SecretError';
  }
}

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;

// Public, as it is in this file: it protects nothing and is for development only.
const DEVELOPMENT_KEY = createHash('sha256').update('hbf-session-manager development key').digest();

/**
 * Seals customers' secrets (header values, signing secrets) before they are stored; they are opened as late as
 * possible. New secrets are sealed with SECRETS_ENCRYPTION_KEY; those of SECRETS_ENCRYPTION_OLD_KEYS are still opened.
 */
@Injectable()
export class Secrets {
  /** The id of the key that seals now. */
  readonly keyId: string;

  private readonly keys: ReadonlyMap<string, Buffer>;
  /** Opened secrets, kept as long as the sealed object is referenced: all webhooks of a page use the same ones. */
  private readonly opened = new WeakMap<SealedSecret, string>();

  constructor(config: Config) {
    if (!config.secretsEncryptionKey) {
      new Logger(Secrets.name).warn('SECRETS_ENCRYPTION_KEY is unset: secrets are sealed with the development key');
    }
    const current = config.secretsEncryptionKey ?? DEVELOPMENT_KEY;
    this.keyId = idOf(current);
    this.keys = new Map([...config.secretsEncryptionOldKeys, current].map((key) => [idOf(key), key]));
  }

  encrypt(plain: string): SealedSecret {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.keys.get(this.keyId)!, iv);
    const data = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
    return {
      keyId: this.keyId,
      iv: iv.toString('base64'),
      tag: cipher.getAuthTag().toString('base64'),
      data: data.toString('base64'),
    };
  }

  /** @throws SecretError when its key is not configured or a part of it was changed */
  decrypt(sealed: SealedSecret): string {
    const known = this.opened.get(sealed);
    if (known !== undefined) return known;
    const plain = this.open(sealed);
    this.opened.set(sealed, plain);
    return plain;
  }

  private open(sealed: SealedSecret): string {
    const key = this.keys.get(sealed.keyId);
    if (!key) throw new SecretError('unknown_key', `no configured key has the id ${sealed.keyId}`);
    try {
      const decipher = createDecipheriv(ALGORITHM, key, Buffer.from(sealed.iv, 'base64'), { authTagLength: 16 });
      decipher.setAuthTag(Buffer.from(sealed.tag, 'base64'));
      return Buffer.concat([decipher.update(Buffer.from(sealed.data, 'base64')), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new SecretError('not_authentic', 'the sealed secret is damaged', { cause });
    }
  }
}

function idOf(key: Buffer): string {
  return createHash('sha256').update('key id').update(key).digest('hex').slice(0, 12);
}
