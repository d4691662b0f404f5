import { Injectable } from '@nestjs/common';
import { isRetryable } from '../platform-error.js';
import { CoreClient } from './core.client.js';

/** Whether an organization has surveys; rejects with PlatformError when hbf-core does not answer. */
export type HasSurveys = (organizationId: string) => Promise<boolean>;

/** Which organizations have surveys: where one has none, none of its sessions needs to be asked for by itself. */
@Injectable()
export class SurveyDirectory {
  /** Seen with a survey once: from then on each session is asked for, which is right even if there are none any more. */
  private readonly withSurveys = new Set<string>();

  constructor(private readonly core: CoreClient) {}

  /**
   * @returns tells as of now; hbf-core is asked once for each organization, for however many of its sessions. True when
   *   it will not tell
   */
  freshly(): HasSurveys {
    const answers = new Map<string, Promise<boolean>>();
    return (organizationId) => {
      const answer = answers.get(organizationId) ?? this.hasSurveys(organizationId);
      answers.set(organizationId, answer);
      return answer;
    };
  }

  private async hasSurveys(organizationId: string): Promise<boolean> {
    if (this.withSurveys.has(organizationId)) return true;
    try {
      const some = await this.core.hasSurveys(organizationId);
      if (some) this.withSurveys.add(organizationId);
      return some;
    } catch (error) {
      if (isRetryable(error)) throw error;
      return true;
    }
  }
}
