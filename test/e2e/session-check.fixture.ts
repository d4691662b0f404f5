import type { LoggerService } from '@nestjs/common';
import { OutcomeWriter } from '../../src/deliveries/outcome-writer.js';
import { detectionsOf } from '../support/completions.js';
import { startService } from '../support/service-in-process.js';
import type { Round } from './round.fixture.js';

export interface LogLine {
  level: 'log' | 'warn' | 'error';
  event: string;
  facts: Record<string, unknown>;
}

/** Writes down what the round's service logs from now on. */
export function captureLogs(round: Round): LogLine[] {
  const lines: LogLine[] = [];
  const write =
    (level: LogLine['level']) =>
    (facts: unknown, event: unknown): void => {
      lines.push({ level, event: String(event), facts: facts as Record<string, unknown> });
    };
  const logger: LoggerService = { log: write('log'), warn: write('warn'), error: write('error') };
  round.service.app.useLogger(logger);
  return lines;
}

/** The processes that were at work on detected sessions count as gone. */
export async function passLeases(round: Round): Promise<void> {
  await detectionsOf(round.db).updateMany({}, { $set: { leaseUntil: new Date(0) } });
}

/** What is owed to the destination, and waits for a later attempt, is due now. */
export async function makeDue(round: Round, destination: string): Promise<void> {
  const now = new Date();
  await round.completions.updateMany(
    { 'deliveries.destination': destination },
    { $set: { 'deliveries.$[owed].dueAt': now } },
    { arrayFilters: [{ 'owed.destination': destination, 'owed.state': 'owed', 'owed.token': { $exists: false } }] },
  );
  const destinations = round.db.collection<{ _id: string; nextDueAt: Date; version: number }>('destinations');
  await destinations.updateOne({ _id: destination }, { $set: { nextDueAt: now }, $inc: { version: 1 } });
  round.service.get(OutcomeWriter).onDue(now); // wakes the lanes
}

/** The same service again, on the same database. */
export async function restart(round: Round): Promise<void> {
  await round.service.stop();
  round.service = await startService(round.env);
}
