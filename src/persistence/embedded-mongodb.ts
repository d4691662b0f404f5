import { join } from 'node:path';

/** A MongoDB engine that runs as a child process and ends with this one. */
export interface EmbeddedMongodb {
  uri: string;
  stop(): Promise<void>;
}

/** The embedded engine did not start. Its message names the variable and what to do; trying again does not help. */
export class EmbeddedMongodbError extends Error {
  constructor(folder: string, cause: Error) {
    super(
      `the embedded MongoDB engine cannot start on EMBEDDED_MONGODB_DIR (${folder}): ${cause.message}. ` +
        'Name a folder that no other process uses and this one can write to, or set MONGODB_URI to a running MongoDB.',
      { cause },
    );
    this.name = 'EmbeddedMongodbError';
  }
}

type Start = (options: { folder: string; port: number; signal: AbortSignal }) => Promise<EmbeddedMongodb>;

/**
 * Starts the embedded engine (a development dependency, tools/mongodb) on `folder`. An engine that still has the folder
 * open is waited for, for five seconds: that of a service that was killed is about to close it.
 *
 * @param signal ends the start
 * @throws EmbeddedMongodbError when the package is not installed, the folder cannot be used or is in use, this machine
 *   cannot run the engine, or `signal` has ended the start
 */
export async function startEmbeddedMongodb(folder: string, signal: AbortSignal): Promise<EmbeddedMongodb> {
  const tool = join(__dirname, '..', '..', 'tools', 'mongodb', 'start.mjs');
  try {
    const { startMongodb } = (await import(tool)) as { startMongodb: Start };
    return await startMongodb({ folder, port: 0, signal });
  } catch (error) {
    throw new EmbeddedMongodbError(folder, error as Error);
  }
}
