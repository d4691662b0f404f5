import { Injectable, Logger } from '@nestjs/common';
import { Heartbeat } from '../persistence/heartbeat.js';
import { CoreClient } from '../platform/core/core.client.js';
import { PlatformError } from '../platform/platform-error.js';
import pLimit from 'p-limit';

/** A refused page is split until the refused ids stand alone, with at most so many PATCHes. */
const MAX_PATCHES = 20;
/** So many that hbf-core fails with 500 (a page, its halves and theirs), and none that it applied: it is not one session. */
const MAX_FAILURES = 7;
const READS_AT_ONCE = 8;

/** A session that hbf-core is to be told of. */
export interface Completable {
  sessionId: string;
  tenantId: string;
}

/** Whether hbf-core has set a page COMPLETED since the check began. */
export interface PatchEvidence {
  patched: boolean;
}

/** What became of sessions that hbf-core was told of. Every session is in one of these. */
export interface Told {
  /** hbf-core has set them COMPLETED, whatever it answered. */
  completed: Set<string>;
  /** hbf-core refused them, and shows them as ACTIVE. */
  refused: Set<string>;
  /** Nobody knows: they are asked for again later, by Recovery. */
  unknown: Set<string>;
}

/** What PATCHes alone told. */
interface Patched {
  completed: string[];
  /** Refused, alone or together with others. */
  refused: string[];
  unknown: string[];
}

/**
 * Sets sessions COMPLETED in hbf-core. A refusal decides nothing: hbf-core may have set a page COMPLETED and answered
 * 404 all the same (an ingress, a proxy, a repetition of a call whose answer was lost). So what is refused is asked for.
 */
@Injectable()
export class CoreCompletion {
  private readonly logger = new Logger(CoreCompletion.name);

  constructor(
    private readonly core: CoreClient,
    private readonly heartbeat: Heartbeat,
  ) {}

  /**
   * @param lease of the intents that hold the sessions: a PATCH is tried again only while it is this process's
   * @throws PlatformError when hbf-core fails and nothing is known of any of the sessions
   */
  async complete(sessions: readonly Completable[], evidence: PatchEvidence, lease: string): Promise<Told> {
    const { completed, refused, unknown } = await this.patch(
      sessions.map(({ sessionId }) => sessionId),
      lease,
    );
    evidence.patched ||= completed.length > 0;
    const told: Told = { completed: new Set(completed), refused: new Set(), unknown: new Set(unknown) };
    if (refused.length > 0) {
      this.logger.warn({ refused: refused.length, completed: completed.length }, 'completion.refused');
      const byId = new Map(sessions.map((session) => [session.sessionId, session]));
      await this.askFor(
        refused.map((id) => byId.get(id)!),
        evidence,
        told,
      );
    }
    return told;
  }

  /**
   * A page that is refused is split, the largest parts first, as long as the number of PATCHes allows; so is one at which
   * hbf-core fails, which may be over a single session: the others must not wait for that one for ever.
   */
  private async patch(ids: readonly string[], lease: string): Promise<Patched> {
    const result: Patched = { completed: [], refused: [], unknown: [] };
    const parts: (readonly string[])[] = ids.length > 0 ? [ids] : [];
    for (let patches = 0, failures = 0; parts.length > 0; patches++) {
      const part = parts.shift()!;
      if (patches >= MAX_PATCHES) {
        (failures > 0 ? result.unknown : result.refused).push(...part);
        continue;
      }
      try {
        await this.core.completeSessions(part, () => this.heartbeat.holdsBy(lease));
        result.completed.push(...part);
      } catch (error) {
        if (isInternal(error)) failures++;
        if (failures >= MAX_FAILURES && result.completed.length === 0) throw error;
        if (part.length > 1 && (isAboutAnId(error) || isInternal(error))) parts.push(...halvesOf(part));
        else if (isAboutAnId(error)) result.refused.push(...part);
        else if (part === ids) throw error;
        else result.unknown.push(...part);
      }
    }
    return result;
  }

  /**
   * Where hbf-core has completed nothing since the check began, it may refuse everything for a while: one session is
   * asked for, and the others only if that one is COMPLETED in spite of the refusal.
   */
  private async askFor([first, ...others]: Completable[], evidence: PatchEvidence, told: Told): Promise<void> {
    if (!first) return;
    await this.askForOne(first, told);
    if (evidence.patched || told.completed.has(first.sessionId)) {
      const limit = pLimit(READS_AT_ONCE);
      await Promise.all(others.map((session) => limit(() => this.askForOne(session, told))));
    } else {
      for (const { sessionId } of others) told.unknown.add(sessionId);
    }
  }

  private async askForOne({ sessionId, tenantId }: Completable, told: Told): Promise<void> {
    const status = await this.statusOf(sessionId, tenantId);
    if (status === 'COMPLETED') told.completed.add(sessionId);
    else if (status === 'ACTIVE') told.refused.add(sessionId);
    else told.unknown.add(sessionId);
  }

  private async statusOf(sessionId: string, tenantId: string): Promise<string | undefined> {
    try {
      return (await this.core.getSession(sessionId, { includeMessages: false, tenantId }))?.status;
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      return undefined;
    }
  }
}

function halvesOf(part: readonly string[]): (readonly string[])[] {
  const middle = Math.ceil(part.length / 2);
  return [part.slice(0, middle), part.slice(middle)];
}

/** hbf-core itself failed at what it was told, rather than being away (502, 503, 504). */
function isInternal(error: unknown): boolean {
  return error instanceof PlatformError && error.status === 500;
}

/** Any other failure says nothing about a single id. */
function isAboutAnId(error: unknown): boolean {
  return error instanceof PlatformError && (error.kind === 'refused' || error.kind === 'not-found');
}
