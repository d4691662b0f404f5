import type { MailNote } from './mail-notes.js';

/** A group of that many has its document copied as often. */
const NOTES_AT_ONCE = 100;

interface Group {
  notes: MailNote[];
  written: Promise<boolean>;
}

/**
 * Has the notes of one document written by one command at a time: what comes meanwhile is written together by the next.
 * So a thousand events for the same recipients take few commands, which do not contend for the document.
 */
export class NoteGroups {
  /** By document: the group that is written next, and the end of the latest write, which never rejects. */
  private readonly waiting = new Map<string, Group>();
  private readonly ends = new Map<string, Promise<unknown>>();

  /** @param write stores notes of one document */
  constructor(private readonly write: (id: string, notes: readonly MailNote[]) => Promise<boolean>) {}

  /** @returns what `write` returns for the note's group. @throws what it throws */
  add(id: string, note: MailNote): Promise<boolean> {
    const waiting = this.waiting.get(id);
    if (waiting && waiting.notes.length < NOTES_AT_ONCE) {
      waiting.notes.push(note);
      return waiting.written;
    }
    const notes = [note];
    const before = this.ends.get(id) ?? Promise.resolve();
    const written = before.then(() => {
      if (this.waiting.get(id)?.notes === notes) this.waiting.delete(id);
      return this.write(id, notes);
    });
    this.waiting.set(id, { notes, written });
    const end: Promise<unknown> = written
      .catch(() => undefined)
      .then(() => this.ends.get(id) === end && this.ends.delete(id));
    this.ends.set(id, end);
    return written;
  }
}
