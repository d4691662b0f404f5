import { join } from 'node:path';

/** A MongoDB engine that runs as a child process and ends with this one. */
export interface EmbeddedMongodb {
  uri: string;
  stop(): Promise<void>;
}

type Start = (options: { folder: string; port: number }) => Promise<EmbeddedMongodb>;

/**
 * Starts the embedded engine (a development dependency, tools/mongodb) on `folder`.
 *
 * @throws Error when the package is not installed, the folder is in use, or this machine cannot run the engine
 */
export async function startEmbeddedMongodb(folder: string): Promise<EmbeddedMongodb> {
  const tool = join(__dirname, '..', '..', 'tools', 'mongodb', 'start.mjs');
  const { startMongodb } = (await import(tool)) as { startMongodb: Start };
  return startMongodb({ folder, port: 0 });
}
