import type { Facts, MailDocument, MailEntry, MailTopic } from './mail.schema.js';

/** A mail lists this many things (integrations) and counts the rest; so a document stays small. */
export const LISTED = 50;

/** An event to mail. Until the topic's mail is sent, counts of its notes add up and newer facts replace older ones. */
export interface MailNote {
  topic: MailTopic;
  /** The thing within the topic that it is about. */
  about: string;
  kind: string;
  count: number;
  facts: Facts;
  /** Facts that are set only where no earlier note has set them. */
  firstFacts?: Facts;
}

/** What is noted in a document. */
export type Noted = Pick<MailDocument, 'notes' | 'counts' | 'entries' | 'more'>;

/** @returns what is noted after a further note */
export function withNote(noted: Noted, { about, kind, count, facts, firstFacts }: MailNote): Noted {
  const { entries = {}, more = {} } = noted;
  const notes = noted.notes + 1;
  const counts = plus(noted.counts, kind, count);
  const entry = entries[about];
  if (!entry && Object.keys(entries).length >= LISTED)
    return { notes, counts, entries, more: { ...more, [about]: notes } };
  const changed = {
    notes,
    counts: plus(entry?.counts, kind, count),
    facts: { ...firstFacts, ...entry?.facts, ...facts },
  };
  return { notes, counts, entries: { ...entries, [about]: changed }, more };
}

function plus(counts: Record<string, number> = {}, kind: string, count: number): Record<string, number> {
  return { ...counts, [kind]: (counts[kind] ?? 0) + count };
}

/** @returns what of `present` came after `sent` was read, which is in no mail yet */
export function notedSince(present: Noted, sent: Noted): Required<Noted> {
  const later = Object.entries(present.entries ?? {}).filter(([, { notes }]) => notes > sent.notes);
  const entries = later.map(([about, entry]): [string, MailEntry] => {
    const counts = difference(entry.counts, sent.entries?.[about]?.counts);
    return [about, { ...entry, counts }];
  });
  const more = Object.entries(present.more ?? {}).filter(([, notes]) => notes > sent.notes);
  return {
    notes: present.notes,
    counts: difference(present.counts, sent.counts),
    entries: Object.fromEntries(entries),
    more: Object.fromEntries(more),
  };
}

/** @returns the counts of which something is left */
export function difference(counts: Record<string, number> = {}, less: Record<string, number> = {}) {
  const rest = Object.entries(counts).map(([kind, count]) => [kind, count - (less[kind] ?? 0)] as const);
  return Object.fromEntries(rest.filter(([, count]) => count > 0));
}
