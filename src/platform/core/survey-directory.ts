import { Injectable } from '@nestjs/common';
import { isRetryable } from '../platform-error.js';
import { CoreClient } from './core.client.js';

/** Which organizations have surveys: where one has none, none of its sessions needs to be asked for by itself. */
@Injectable()
export class SurveyDirectory {
  /** Seen with a survey once: from then on each session is asked for, which is right even if there are none any more. */
  private readonly withSurveys = new Set<string>();

  constructor(private readonly core: CoreClient) {}

  /**
   * @returns tells whether an organization has surveys, as of now; hbf-core is asked once for each, for however many of
   *   its sessions. True when it will not tell; rejects with PlatformError when it does not answer
   */
  freshly(): (organizationId: string) => Promise<boolean> {
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
