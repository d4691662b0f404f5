import { randomBytes } from 'node:crypto';
import { connect, dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import { insertIntegration } from '../../test/world/integrations.js';
import { PlatformSimulator } from '../../test/world/platform/platform-simulator.js';
import { serviceEnvironment } from '../../test/world/service/service-environment.js';
import { startService } from '../../test/world/service/service-in-process.js';
import { waitFor } from '../../test/support/wait-for.js';
import { IntegrationRepository } from './integration.repository.js';
import type { IntegrationDocument } from './integration.schema.js';
import { Resealing } from './resealing.js';

describe('Resealing', () => {
  const uri = testDatabaseUri('resealing');
  const [oldKey, newKey, lostKey] = [1, 2, 3].map(() => randomBytes(32).toString('base64')) as [string, string, string];

  it('seals anew at start what an old key sealed, and leaves alone what it cannot open', async () => {
    await dropDatabase(uri);
    await migrate(uri);
    const client = await connect(uri);
    const integrations = client.db().collection<IntegrationDocument>('integrations');
    const some = { organizationId: 'o1', tenants: ['t1'], url: 'https://example.com/hook' };
    const secrets = {
      headers: { 'x-token': 'customer-token' },
      signingSecret: 'whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0',
    };
    await insertIntegration(client.db(), { id: 1, ...some, ...secrets }, oldKey);
    await insertIntegration(client.db(), { id: 2, ...some, ...secrets }, lostKey);
    const [before, lost] = await Promise.all([1, 2].map((id) => integrations.findOne({ _id: id })));

    const platform = await PlatformSimulator.start();
    const keys = { SECRETS_ENCRYPTION_KEY: newKey, SECRETS_ENCRYPTION_OLD_KEYS: oldKey };
    const service = await startService(serviceEnvironment(platform, uri, keys));
    const rotated = await waitFor('the first integration to be sealed anew', async () => {
      const found = await integrations.findOne({ _id: 1 });
      return found?.headers[0]?.value.keyId === before?.headers[0]?.value.keyId ? undefined : found;
    });
    expect(await service.get(Resealing).run()).toEqual({ resealed: 0, left: 1 });
    await service.stop();

    const after = await startService(serviceEnvironment(platform, uri, { SECRETS_ENCRYPTION_KEY: newKey }));
    const repository = after.get(IntegrationRepository);
    const opened = (await repository.findById(1))!;
    expect(repository.openHeaders(opened)).toEqual([{ name: 'x-token', value: 'customer-token' }]);
    expect(repository.activeSigningSecrets(opened, Date.now())).toEqual([secrets.signingSecret]);
    expect(rotated.version).toBe(1);
    expect(await integrations.findOne({ _id: 2 })).toEqual(lost);
    await after.stop();
    await platform.stop();
    await client.close();
  });
});
