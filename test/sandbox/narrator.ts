import { styleText } from 'node:util';
import type { StoredSession } from '../world/platform/core-store.js';
import type { LogLine } from '../world/service/service-process.js';
import type { ReceivedMail } from '../world/receivers/smtp-sink.js';
import type { Totals } from './tally.js';

type Color = Parameters<typeof styleText>[0];

const ERROR_LEVEL = 50;

/** Tells the terminal what happens, a line each. */
export class Narrator {
  private readonly startedAt = Date.now();
  private lastCheck = '';

  constructor(private readonly write: (line: string) => void) {}

  conversation(session: StoredSession, held: boolean): void {
    const liveChat = session.liveChats[0]?.liveChatEventType;
    const handover = liveChat ? `, ${liveChat.toLowerCase()}` : '';
    this.line('gray', 'talk', `${short(session.id)} ${session.tenantId}: ${session.messages.length} messages${handover}${held ? ' (open: is held)' : ''}`); // prettier-ignore
  }

  liveChatEnded(session: StoredSession): void {
    this.line('gray', 'talk', `${short(session.id)} ${session.tenantId}: the agent ended the live chat`);
  }

  completed(ids: readonly string[]): void {
    const some = ids.slice(0, 4).map(short).join(' ');
    this.line('cyan', 'completed', `${ids.length} session(s): ${some}${ids.length > 4 ? ' …' : ''}`);
  }

  triggered(type: string, id: string, tenantId: string, status: number): void {
    const ok = status < 300;
    this.line(
      ok ? 'green' : 'yellow',
      ok ? 'flow' : 'refused',
      `${type} ${short(id)} ${tenantId}${ok ? '' : ` → ${status}`}`,
    );
  }

  analyzed(sessionId: string, tenantId: string): void {
    this.line('green', 'analysis', `${short(sessionId)} ${tenantId}`);
  }

  trained(pipelineId: string): void {
    this.line('green', 'training', pipelineId);
  }

  webhook(integration: string, sessionId: string, status: number | undefined, nth: number, signed: boolean): void {
    const ok = status !== undefined && status < 300;
    const what = `integration ${integration} ${short(sessionId)}${signed ? ', signature fits' : ''}`;
    if (ok) this.line('green', nth > 1 ? 'retried' : 'webhook', `${what}${nth > 1 ? `, attempt ${nth}` : ''}`);
    else this.line('yellow', 'refused', `${what} → ${status ?? 'no answer'}, attempt ${nth}`);
  }

  mail(mail: ReceivedMail): void {
    this.line('magenta', 'mail', `to ${mail.to.join(', ')}: ${mail.subject}`);
  }

  /** From the service's own log: what a check found, what is tried again when, and its warnings. */
  log(line: LogLine): void {
    if (line.msg === 'session-check.finished') this.check(line);
    else if (line.msg === 'delivery.attempted') this.attempt(line);
    else if (line.level >= 40) {
      const { level, msg, context, reason, err } = line;
      this.line(level >= ERROR_LEVEL ? 'red' : 'yellow', 'service', [context, msg, reason, message(err)].filter(Boolean).join(': ')); // prettier-ignore
    }
  }

  summary(totals: Totals, problems: readonly string[]): void {
    this.write('');
    for (const [name, count] of Object.entries(totals)) this.write(`  ${name.padEnd(12)}${String(count).padStart(6)}`);
    this.write('');
    if (problems.length === 0)
      return this.write(
        styleText(
          'green',
          '  every delivery arrived exactly once, and no session with an open live chat was completed',
        ),
      );
    this.write(styleText('red', `  ${problems.length} problem(s):`));
    for (const problem of problems.slice(0, 40)) this.write(`  - ${problem}`);
  }

  say(text: string): void {
    this.write(text);
  }

  /** A check that found what the last one found is not worth a line. */
  private check(line: LogLine): void {
    const figures = Object.entries(line)
      .filter(([name, value]) => typeof value === 'number' && value > 0 && !IRRELEVANT.has(name))
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(', ');
    if (figures !== this.lastCheck) this.line('blue', 'check', figures || 'nothing found');
    this.lastCheck = figures;
  }

  private attempt({ destination, sessionId, result, state, code, nextAttemptAt }: LogLine): void {
    if (result === 'delivered') return;
    const next =
      typeof nextAttemptAt === 'string' ? `, again in ${seconds(Date.parse(nextAttemptAt) - Date.now())}` : '';
    this.line('yellow', String(result), `${String(destination)} ${short(String(sessionId))}: ${String(code)}, ${String(state)}${next}`); // prettier-ignore
  }

  private line(color: Color, what: string, text: string): void {
    const at = ((Date.now() - this.startedAt) / 1000).toFixed(1).padStart(6);
    this.write(`${styleText('gray', at)}  ${styleText(color, what.padEnd(10))} ${text}`);
  }
}

const IRRELEVANT = new Set(['level', 'time', 'pid', 'durationMs', 'tenants', 'tenantsScanned']);

function short(id: string): string {
  return id.slice(0, 8);
}

function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
}

function message(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : undefined;
}
