import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import type { Completion } from './completion.js';
import { COMPLETION, ORGANIZATION_SESSIONS } from './completion.schema.js';

/** Behind every text that begins with the one before it: the highest code point. */
const LAST = '\u{10ffff}';

/** What is read of a completion. */
export type FoundCompletion = Pick<
  Completion,
  'sessionId' | 'tenantId' | 'revision' | 'lastInteraction' | 'foundAt' | 'completedAt'
> & { deliveries: readonly Pick<Completion['deliveries'][number], 'state'>[] };

/** Finds an organization's sessions among the completions. */
@Injectable()
export class SessionSearch {
  constructor(@InjectModel(COMPLETION) private readonly completions: Model<Completion>) {}

  /**
   * The first `limit` sessions by id. Most have one revision, so that one query finds them; where revisions take up a
   * page, the next query begins behind the last session: each brings a session that is new.
   *
   * @param prefix literal text with which the ids begin
   * @returns the latest completion of each
   */
  async byPrefix(organizationId: string, prefix: string, limit: number): Promise<FoundCompletion[]> {
    const latest = new Map<string, FoundCompletion>();
    for (let behind: string | undefined; latest.size < limit;) {
      const left = limit - latest.size;
      const page = await this.page(organizationId, prefix, left, behind).lean<FoundCompletion[]>();
      for (const one of page) if (!latest.has(one.sessionId)) latest.set(one.sessionId, one);
      if (page.length < left) break;
      behind = page.at(-1)!.sessionId;
    }
    return [...latest.values()];
  }

  /** One of the queries behind `byPrefix`, for its `explain`: by session, the latest revision first. */
  page(organizationId: string, prefix: string, limit: number, behind?: string) {
    const from = behind === undefined ? { $gte: prefix } : { $gt: behind };
    return this.completions
      .find({ organizationId, sessionId: { ...from, $lt: prefix + LAST } })
      .select({
        _id: 0,
        sessionId: 1,
        tenantId: 1,
        revision: 1,
        lastInteraction: 1,
        foundAt: 1,
        completedAt: 1,
        'deliveries.state': 1,
      })
      .sort({ sessionId: 1, revision: -1 })
      .limit(limit)
      .hint(ORGANIZATION_SESSIONS);
  }
}
