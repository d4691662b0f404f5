import type { Member, Members } from './heartbeat.schema.js';

/** Who is there and who is gone, by the members' beats. All times are the database server's, in ms since the epoch. */

export const BEAT_MS = 2_000;
/** Ten beats. */
const GONE_MS = 20_000;
/** After a restart: longer than HOLDS_MS of heartbeat.ts, so that a process that is only slow has stopped before. */
const REPLACED_MS = 5_000;
/** A timer may fire a little early. */
const TIMER_MS = 10;

/** @returns the starts whose last beat is too old, ordered: 20 s, or 5 s where the same name has been started again */
export function goneStarts(members: Members, now: number): string[] {
  return startsOf(members).filter((id) => isGone(members[id]!, members, now));
}

/**
 * @returns the starts that share the work, ordered: not those that are gone, nor those that have not beaten since the same
 *   name was started again. What these hold is not free yet, but nobody need wait to do what they would have begun; one
 *   that is still there beats soon, and has its share again.
 */
export function liveStarts(members: Members, now: number): string[] {
  return startsOf(members).filter((id) => {
    const member = members[id]!;
    return !isGone(member, members, now) && !isReplaced(member, members);
  });
}

/** @returns ms until the next beat: two seconds, or less where a member that is silent will count as gone before */
export function nextBeatIn(members: Members, now: number): number {
  const left = Object.values(members).map((member) => goneAt(member, members) - now + TIMER_MS);
  return Math.min(BEAT_MS, ...left.filter((ms) => ms > TIMER_MS));
}

function startsOf(members: Members): string[] {
  return Object.keys(members).sort();
}

function isGone(member: Member, members: Members, now: number): boolean {
  return member.gone === true || goneAt(member, members) <= now;
}

function isReplaced({ name, beatAt }: Member, members: Members): boolean {
  return Object.values(members).some((other) => other.name === name && other.startedAt > beatAt);
}

/** When a member counts as gone, unless it beats again before. */
function goneAt({ name, startedAt, beatAt }: Member, members: Members): number {
  const replaced = Object.values(members).some((other) => other.name === name && other.startedAt > startedAt);
  return beatAt.getTime() + (replaced ? REPLACED_MS : GONE_MS);
}
