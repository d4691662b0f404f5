import { Injectable } from '@nestjs/common';
import { createTransport } from 'nodemailer';
import { Config } from '../config/config.js';

const CONNECTION_TIMEOUT_MS = 10_000;
const GREETING_TIMEOUT_MS = 10_000;
const SOCKET_TIMEOUT_MS = 30_000;
/** A server that answers byte by byte never reaches the socket time-out; this one limits the whole mail. */
const MAIL_TIMEOUT_MS = 120_000;
const IDLE_CONNECTION_MS = 30_000;

/** How many mails one process sends at a time. */
export const MAIL_CONNECTIONS = 2;

/** A mail that is ready to go. Its bodies hold no secret, no URL query and no transcript. */
export interface OutgoingMail {
  /** The same for every attempt at the same content, so that a receiver can tell a repetition. */
  messageId: string;
  to: string;
  subject: string;
  text: string;
  html: string;
}

/** The mail server did not accept the mail. Holds codes only: the server's text may repeat addresses. */
export class MailNotSentError extends Error {
  /**
   * @param code nodemailer's code (`ETIMEDOUT`, `EENVELOPE`, …)
   * @param responseCode the SMTP status, when there was one
   * @param concernsThisMailOnly false: the server, the connection or the sender's account failed, and any other mail
   *   would fail as well
   */
  constructor(
    readonly code: string,
    readonly responseCode: number | undefined,
    readonly concernsThisMailOnly: boolean,
  ) {
    super(`the mail was not sent: ${code}${responseCode === undefined ? '' : ` (${responseCode})`}`);
    this.name = 'MailNotSentError';
  }
}

/** nodemailer's pooled transport. Without SMTP_HOST it is not configured and must not be asked to send. */
@Injectable()
export class Mailer {
  private readonly transport?: ReturnType<typeof pooledTransport>;

  constructor(config: Config) {
    if (config.smtpHost) this.transport = pooledTransport(config, config.smtpHost);
  }

  get configured(): boolean {
    return this.transport !== undefined;
  }

  /** Resolves when the server has taken the mail. @throws MailNotSentError */
  async send({ to, ...mail }: OutgoingMail): Promise<void> {
    if (!this.transport) throw new MailNotSentError('NOT_CONFIGURED', undefined, false);
    try {
      await this.transport.sendMail({
        ...mail,
        to: { name: '', address: to }, // as text, a comma would make two of it
        headers: { 'Auto-Submitted': 'auto-generated' },
        signal: AbortSignal.timeout(MAIL_TIMEOUT_MS),
      });
    } catch (error) {
      throw toMailNotSent(error as SmtpError);
    }
  }

  /** Ends the connections, those in the middle of a mail too: that mail fails. */
  close(): void {
    this.transport?.close({ force: true });
  }
}

/** What nodemailer adds to its errors. */
interface SmtpError {
  code?: unknown;
  responseCode?: number;
  /** The SMTP command that was refused. */
  command?: string;
}

function toMailNotSent({ code, responseCode, command }: SmtpError): MailNotSentError {
  const mailRefused = code === 'EMESSAGE' || (code === 'EENVELOPE' && command !== 'MAIL FROM');
  return new MailNotSentError(typeof code === 'string' ? code : 'UNKNOWN', responseCode, mailRefused);
}

function pooledTransport(config: Config, host: string) {
  const auth = config.smtpUser ? { user: config.smtpUser, pass: config.smtpPassword } : undefined;
  return createTransport(
    {
      pool: true,
      host,
      port: config.smtpPort,
      secure: config.smtpSecure,
      auth,
      maxConnections: MAIL_CONNECTIONS,
      maxRequeues: 1, // for an idle connection that the server had closed; further retries are the outbox's
      idleTimeout: IDLE_CONNECTION_MS,
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      greetingTimeout: GREETING_TIMEOUT_MS,
      socketTimeout: SOCKET_TIMEOUT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from: config.smtpFrom },
  );
}
