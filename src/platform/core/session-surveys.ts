import { ShapeError } from '../shape.js';
import { readSurvey, type Survey } from './survey.dto.js';

/** Whose surveys are wanted. */
export interface SurveysQuery {
  organizationId: string;
  tenantId: string;
  sessionId: string;
}

/** What was listed beside a session's surveys, counted by why it is left out. */
export interface LeftOutSurveys {
  /** It names another session, by the same kind of id. */
  otherSession: number;
  /** It names no session, or names one by another kind of id of which nobody can say whether it is this session's. */
  unclear: number;
}

export interface SessionSurveys {
  surveys: Survey[];
  leftOut: LeftOutSurveys;
}

/**
 * Picks a session's surveys out of hbf-core's answer, page by page. A survey refers to its session by uuid or by Mongo id
 * (docs/platform.md). One that names the session as we know it counts. One that names it by another kind of id counts
 * only if all such ones of the answer name one and the same session, and none tells another tenant: then the answer is
 * about one session, which is the one that was asked for.
 */
export class SurveySelection {
  private readonly known = new Map<string, Survey>();
  private readonly unsure = new Map<string, Survey>();
  /** The one id, of another kind, that all of `unsure` name. */
  private otherId?: string;
  private isUnclear = false;
  private readonly leftOut: LeftOutSurveys = { otherSession: 0, unclear: 0 };

  constructor(private readonly query: Pick<SurveysQuery, 'sessionId' | 'tenantId'>) {}

  /** @throws ShapeError for one of the session's own that cannot be read */
  take(items: readonly unknown[]): void {
    for (const item of items) this.takeOne(item);
  }

  result(): SessionSurveys {
    return { surveys: [...this.known.values(), ...this.unsure.values()], leftOut: { ...this.leftOut } };
  }

  private takeOne(item: unknown): void {
    const { sessionId, tenantId } = this.query;
    const names = namesIn(item);
    if (names.includes(sessionId)) {
      const survey = readSurvey(item);
      this.known.set(survey.id, survey); // pages may overlap while surveys come in
      return;
    }
    if (names.some((name) => kindOf(name) === kindOf(sessionId))) return void this.leftOut.otherSession++;
    const survey = names.length > 0 ? readable(item) : undefined;
    if (!survey) return void this.leftOut.unclear++;
    this.otherId ??= names[0];
    const sameSession = names.every((name) => name === this.otherId);
    if (!sameSession || tenantsIn(item).some((told) => told !== tenantId)) this.giveUp();
    if (this.isUnclear) this.leftOut.unclear++;
    else this.unsure.set(survey.id, survey);
  }

  /** None of them counts; they are not kept either, as hbf-core may list those of a whole organization. */
  private giveUp(): void {
    this.isUnclear = true;
    this.leftOut.unclear += this.unsure.size;
    this.unsure.clear();
  }
}

function kindOf(id: string): 'uuid' | 'mongo-id' | 'other' {
  if (/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id)) return 'uuid';
  return /^[\da-f]{24}$/i.test(id) ? 'mongo-id' : 'other';
}

interface Referring {
  session?: unknown;
  tenantId?: unknown;
  chatSession?: { id?: unknown; tenantId?: unknown; tenant?: { id?: unknown } | null } | null;
}

/** The ids by which it names its session. */
function namesIn(item: unknown): string[] {
  const { session, chatSession } = (item ?? {}) as Referring;
  return texts([session, chatSession?.id]);
}

function tenantsIn(item: unknown): string[] {
  const { tenantId, chatSession } = item as Referring;
  return texts([tenantId, chatSession?.tenantId, chatSession?.tenant?.id]);
}

function texts(values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === 'string' && value !== '') as string[];
}

function readable(item: unknown): Survey | undefined {
  try {
    return readSurvey(item);
  } catch (error) {
    if (error instanceof ShapeError) return undefined;
    throw error;
  }
}
