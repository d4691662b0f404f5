import type { ChatSession } from '../platform/core/chat-session.dto.js';
import { type ActiveSessionsQuery, CoreClient, type SessionPage } from '../platform/core/core.client.js';
import { isTooMuch, PlatformError } from '../platform/platform-error.js';

/** Sessions that are read one by one and kept in memory together: each may be nearly as long as a page may be. */
const ONE_BY_ONE = 8;

/**
 * Reads a tenant's expired sessions with their messages for one scan. From the first page that is too long to be read,
 * the list is read without messages and the sessions one by one: a session that is too long stops itself alone.
 */
export class SessionReader {
  private oneByOne = false;

  /** @param isWanted whether a session of the list, as it came without messages, is to be read whole */
  constructor(
    private readonly core: CoreClient,
    private readonly scope: Pick<ActiveSessionsQuery, 'tenantId' | 'lastInteractionBefore' | 'pageSize'>,
    private readonly isWanted: (session: ChatSession) => boolean,
  ) {}

  /**
   * @param page from 0
   * @returns the page; one by one, it lacks what is wanted beyond the first eight, which come when it is read again
   * @throws PlatformError
   */
  async read(page: number): Promise<SessionPage> {
    const query = { ...this.scope, page, includeTenant: false };
    if (!this.oneByOne) {
      try {
        return await this.core.listActiveSessions({ ...query, includeMessages: true });
      } catch (error) {
        if (!isTooMuch(error)) throw error;
        this.oneByOne = true;
      }
    }
    return this.readWanted(await this.core.listActiveSessions({ ...query, includeMessages: false }));
  }

  private async readWanted(listed: SessionPage): Promise<SessionPage> {
    const whole: ChatSession[] = [];
    const rejected = [...listed.rejected];
    for (const { id } of listed.items.filter(this.isWanted)) {
      if (whole.length === ONE_BY_ONE) break;
      try {
        const session = await this.core.getSession(id, { includeMessages: true });
        if (session) whole.push(session);
      } catch (error) {
        if (!(error instanceof PlatformError) || error.kind !== 'shape') throw error;
        rejected.push({ id, problem: error.cause instanceof Error ? error.cause.message : error.message });
      }
    }
    const others = listed.items.filter((session) => !this.isWanted(session));
    return { ...listed, items: [...others, ...whole], rejected };
  }
}
