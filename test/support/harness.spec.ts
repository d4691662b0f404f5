import { testDatabaseUri, dropDatabase } from '../world/database.js';
import { PlatformSimulator } from '../world/platform/platform-simulator.js';
import { serviceEnvironment } from '../world/service/service-environment.js';
import { startService } from '../world/service/service-in-process.js';

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
