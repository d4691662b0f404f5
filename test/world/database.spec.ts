import { connect, databaseUri, dropDatabase, testDatabaseUri } from './database.js';

describe('test databases', () => {
  it.each([
    ['mongodb://127.0.0.1:1/?directConnection=true', 'mongodb://127.0.0.1:1/x?directConnection=true'],
    ['mongodb://u:p@a:1,b:2/old?w=1', 'mongodb://u:p@a:1,b:2/x?w=1'],
    ['mongodb+srv://host', 'mongodb+srv://host/x'],
  ])('live at %s', (base, expected) => {
    expect(databaseUri(base, 'x')).toBe(expected);
  });

  it('can be used and dropped', async () => {
    const uri = testDatabaseUri('support-database');
    const client = await connect(uri);
    await client.db().collection('things').insertOne({ a: 1 });
    expect(client.db().databaseName).toBe('test-support-database');
    await dropDatabase(uri);
    expect(await client.db().collection('things').countDocuments()).toBe(0);
    await client.close();
  });
});
