import { testDatabaseUri, dropDatabase } from './database.js';
import { PlatformSimulator } from './platform-simulator.js';
import { serviceEnvironment } from './service-environment.js';
import { startService } from './service-in-process.js';

describe('the harness', () => {
  it('starts the service in this process against the simulator, and stops it', async () => {
    const platform = await PlatformSimulator.start();
    const uri = testDatabaseUri('support-harness');
    await dropDatabase(uri);
    const service = await startService(serviceEnvironment(platform, uri));
    const health = await fetch(`${service.url}/health/ready`);
    expect(health.status).toBe(200);
    await service.stop();
    await platform.stop();
    expect(platform.violations).toEqual([]);
  });
});
