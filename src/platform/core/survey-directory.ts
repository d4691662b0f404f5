import { Injectable } from '@nestjs/common';
import { isRetryable } from '../platform-error.js';
import { CoreClient } from './core.client.js';

/** Whether an organization has surveys; rejects with PlatformError when hbf-core does not answer. */
export type HasSurveys = (organizationId: string) => Promise<boolean>;

/** Which organizations have surveys: in one that has none, no session's surveys need to be listed. */
@Injectable()
export class SurveyDirectory {
  /** Organizations that had a survey once. From then on each session's surveys are listed, even if none is left. */
  private readonly withSurveys = new Set<string>();

  constructor(private readonly core: CoreClient) {}

  /**
   * @returns a function that asks hbf-core once for each organization, however many of its sessions ask. True when
   *   hbf-core refuses to answer
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
