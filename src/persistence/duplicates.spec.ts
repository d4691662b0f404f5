import { type Document, MongoClient } from 'mongodb';
import { connect, dropDatabase, testDatabaseUri } from '../../test/support/database.js';
import { duplicatesOf } from './duplicates.js';

const uri = testDatabaseUri('duplicates-spec');
const NOWHERE = 'mongodb://127.0.0.1:1/nowhere?directConnection=true';
let client: MongoClient;
let away: MongoClient;

beforeAll(async () => {
  await dropDatabase(uri);
  client = await connect(uri);
  away = new MongoClient(NOWHERE, { serverSelectionTimeoutMS: 20 });
});
afterAll(() => Promise.all([client.close(), away.close()]));

async function errorOf(to: MongoClient, documents: Document[]): Promise<unknown> {
  const items = to.db().collection<Document>('items');
  return items.insertMany(documents, { ordered: false }).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('duplicatesOf', () => {
  it('tells which documents were there already', async () => {
    await errorOf(client, [{ _id: 'a' }, { _id: 'c' }] as Document[]);
    const error = await errorOf(client, [{ _id: 'a' }, { _id: 'b' }, { _id: 'c' }] as Document[]);
    expect(duplicatesOf(error)).toEqual([0, 2]);
  });

  it('does not take a database that is away for one without duplicates', async () => {
    const error = await errorOf(away, [{ _id: 'a' }] as Document[]);
    expect(error).toMatchObject({ writeErrors: [] }); // the driver's trap
    expect(() => duplicatesOf(error)).toThrow(/ECONNREFUSED/);
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
