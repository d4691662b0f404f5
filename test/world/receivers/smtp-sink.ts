import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { readMail } from './mail-text.js';
import { freePort } from '../../support/ports.js';

export interface ReceivedMail {
  from: string;
  to: string[];
  subject: string;
  headers: Record<string, string>;
  /** Text and HTML parts, decoded. */
  text: string;
  raw: string;
  at: number;
}

/** `refuse`: every recipient, for good (550). `defer`: for now (451). `hang`: takes the mail and never answers. */
export type SmtpMood = 'accept' | 'refuse' | 'defer' | 'hang';

/** A real SMTP server that keeps what it is given. It takes any user and password, and none. */
export class SmtpSink {
  readonly mails: ReceivedMail[] = [];
  /** Recipients that were offered, the refused ones included. */
  readonly offered: string[] = [];
  mood: SmtpMood = 'accept';
  /** Wait before each answer to RCPT TO. */
  delayMs = 0;
  private listener: (mail: ReceivedMail) => void = () => undefined;
  private readonly server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    logger: false,
    onAuth: (auth, _session, done) => done(null, { user: auth.username ?? 'anyone' }),
    onRcptTo: (address, _session, done) => void this.recipient(address.address).then(done),
    onData: (stream, session, done) => void this.take(stream, session).then(() => this.mood !== 'hang' && done()),
  });

  /** At that port, or at one that the next sink can have after this one has stopped. */
  static async start(at?: number): Promise<SmtpSink> {
    const port = at ?? (await freePort());
    const sink = new SmtpSink();
    sink.server.on('error', () => undefined); // a client that hangs up is its own affair
    await new Promise<void>((resolve) => sink.server.listen(port, '127.0.0.1', resolve));
    return sink;
  }

  get port(): number {
    return (this.server.server.address() as AddressInfo).port;
  }

  /** The variables that make the service send its mails here. */
  get environment(): Record<string, string> {
    return {
      SMTP_HOST: '127.0.0.1',
      SMTP_PORT: String(this.port),
      SMTP_SECURE: 'false',
      SMTP_FROM: 'session-manager@example.com',
    };
  }

  onMail(listener: (mail: ReceivedMail) => void): void {
    this.listener = listener;
  }

  to(address: string): ReceivedMail[] {
    return this.mails.filter((mail) => mail.to.includes(address));
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(resolve));
  }

  private async recipient(address: string): Promise<Error | null> {
    this.offered.push(address);
    await delay(this.delayMs);
    if (this.mood === 'refuse') return Object.assign(new Error('no such mailbox'), { responseCode: 550 });
    return this.mood === 'defer' ? Object.assign(new Error('try again later'), { responseCode: 451 }) : null;
  }

  private async take(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    if (this.mood === 'hang') return;
    const raw = Buffer.concat(chunks).toString('utf8');
    const { headers, text } = readMail(raw);
    const { mailFrom, rcptTo } = session.envelope;
    const from = mailFrom ? mailFrom.address : '';
    const to = rcptTo.map((recipient) => recipient.address);
    const mail = { from, to, subject: headers['subject'] ?? '', headers, text, raw, at: Date.now() };
    this.mails.push(mail);
    this.listener(mail);
  }
}
