import { Injectable } from '@nestjs/common';
import { type CheckPreview, DryRun } from '../sessions/dry-run.js';
import { refuseWithoutCore } from './core-unavailable.js';

/** Dry runs of session checks. */
@Injectable()
export class DryRunService {
  constructor(private readonly dryRun: DryRun) {}

  /**
   * @param organizationId whose tenants; absent: all tenants
   * @throws ServiceUnavailableException when hbf-core cannot be asked; a database error when the database is away
   */
  run(organizationId?: string): Promise<CheckPreview> {
    return this.dryRun.run(organizationId).catch(refuseWithoutCore);
  }
}
