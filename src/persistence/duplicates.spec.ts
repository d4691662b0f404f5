import type { Document, MongoClient } from 'mongodb';
import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Server } from 'node:net';
import { connect, dropDatabase, testDatabaseUri } from '../../test/world/database.js';
import { duplicatesOf } from './duplicates.js';

const uri = testDatabaseUri('duplicates-spec');
let client: MongoClient;

beforeAll(async () => {
  await dropDatabase(uri);
  client = await connect(uri);
});
afterAll(() => client.close());

function insertError(to: MongoClient, ids: string[]): Promise<unknown> {
  const items = to.db().collection<{ _id: string } & Document>('items');
  const documents = ids.map((_id) => ({ _id }));
  return items.insertMany(documents, { ordered: false }).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** A way to the same server that breaks when something is inserted. */
async function breakingProxy(): Promise<Server> {
  const { hostname, port } = new URL(uri);
  const proxy = createServer((near) => {
    const far = connectSocket(Number(port || 27017), hostname);
    near.on('data', (data) => (data.includes('insert') ? near.destroy() : far.write(data)));
    near.on('close', () => far.destroy()).on('error', () => undefined);
    far.on('error', () => near.destroy()).pipe(near);
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  return proxy;
}

describe('duplicatesOf', () => {
  it('tells which documents were there already', async () => {
    expect(await insertError(client, ['a', 'c'])).toBeUndefined();
    expect(duplicatesOf(await insertError(client, ['a', 'b', 'c']))).toEqual([0, 2]);
  });

  it('does not take a connection that broke for "no duplicates": the driver tells of it without a write error', async () => {
    const proxy = await breakingProxy();
    const { port } = proxy.address() as AddressInfo;
    const breaking = await connect(`mongodb://127.0.0.1:${port}/test-duplicates-spec?directConnection=true`);
    const error = await insertError(breaking, ['d']);
    await breaking.close();
    proxy.close();
    expect(error).toMatchObject({ writeErrors: [] });
    expect(() => duplicatesOf(error)).toThrow(/closed/);
  });

  it.each([
    ['another write error beside', { writeErrors: [{ code: 11000, index: 0 }, { code: 121, index: 1 }] }], // prettier-ignore
    ['duplicates that were not journaled', { writeErrors: [{ code: 11000, index: 0 }], result: { getWriteConcernError: () => ({}) } }], // prettier-ignore
    ['no bulk write error', new TypeError('a mistake of ours')],
  ])('passes on: %s', (_, error) => {
    let thrown: unknown;
    try {
      duplicatesOf(error);
    } catch (caught) {
      thrown = caught;
    }
    expect(thrown).toBe(error);
  });
});
