import { startMongodb } from '../../tools/mongodb/start.mjs';

/** MONGODB_URI, when set, is the database that the whole suite runs on. */
export default async function () {
  if (process.env.MONGODB_URI) return;
  const mongodb = await startMongodb();
  globalThis.__MONGODB__ = mongodb;
  process.env.MONGODB_URI = mongodb.uri; // workers are forked after this and inherit it
}
