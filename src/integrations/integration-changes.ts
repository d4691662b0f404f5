import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Collection } from 'mongodb';
import type { Model } from 'mongoose';
import { Clock } from '../persistence/clock.js';
import { nativeCollection } from '../persistence/native-collection.js';
import { INTEGRATION_VERSION, type IntegrationVersion } from './integration-version.schema.js';

const ALL = 'all';
/** Longer than the write of a change takes. */
const SETTLES_MS = 30_000;
/** A database that hangs must not keep attempts waiting. */
const IN_TIME = { timeoutMS: 3_000 } as const;

/**
 * Tells all replicas that an integration has changed, by one version number in the database. It is announced before the
 * change is written, as the process may end in between, and again afterwards. From the first of these on the others take
 * nothing for settled for half a minute: they read anew each time they look at the version.
 */
@Injectable()
export class IntegrationChanges {
  /** The native driver's, for the time-out. */
  private readonly versions: Collection<IntegrationVersion>;
  private readonly listeners: (() => void)[] = [];

  constructor(
    @InjectModel(INTEGRATION_VERSION) model: Model<IntegrationVersion>,
    private readonly clock: Clock,
  ) {
    this.versions = nativeCollection(model);
  }

  /** @param listener is told of each change through this process, as soon as it is written */
  listen(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Makes a change that decides what is sent. @throws what `write` throws; a database error before it */
  async announce<T>(write: () => Promise<T>): Promise<T> {
    await this.raise();
    try {
      return await write();
    } finally {
      for (const listener of this.listeners) listener();
      await this.raise().catch(() => undefined); // the first one holds for longer than the others take to look
    }
  }

  /** @returns the version, and whether no change is under way in any replica */
  async read(): Promise<{ version: number; settled: boolean }> {
    const found = await this.versions.findOne({ _id: ALL }, IN_TIME);
    if (!found) return { version: 0, settled: true };
    return { version: found.version, settled: found.settlesAt.getTime() <= this.clock.now() };
  }

  private async raise(): Promise<void> {
    const settlesAt = new Date(this.clock.now() + SETTLES_MS);
    const update = { $inc: { version: 1 }, $max: { settlesAt } };
    await this.versions.updateOne({ _id: ALL }, update, { ...IN_TIME, upsert: true });
  }
}
