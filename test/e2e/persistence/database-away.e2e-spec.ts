import { getConnectionToken } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { bootstrap } from '../../../src/bootstrap.js';
import { Config } from '../../../src/config/config.js';
import { Counter } from '../../../src/persistence/counter.js';
import { Database } from '../../../src/persistence/database.js';
import { JobLease } from '../../../src/persistence/job-lease.js';
import { nativeCollection } from '../../../src/persistence/native-collection.js';
import { PlatformSimulator } from '../../world/platform/platform-simulator.js';
import { serviceEnvironment } from '../../world/service/service-environment.js';
import { OwnMongodb } from '../fixtures/mongodb.js';

it('without a database the service starts, its models fail at once, and they work when it comes and comes back', async () => {
  const mongodb = await OwnMongodb.create();
  const platform = await PlatformSimulator.start();
  const env = serviceEnvironment(platform, mongodb.uri('models'), { MIGRATIONS_ON_START: 'false', PORT: '0' });
  const app = await bootstrap(Config.fromEnvironment(env)); // resolves while no database answers
  const [counter, lease] = [app.get(Counter), app.get(JobLease)];

  const { models } = app.get<Connection>(getConnectionToken());
  expect(Object.values(models).map(({ collection }) => collection.name)).toEqual(
    expect.arrayContaining(['integrations', 'leases', 'mails', 'session-checks', 'trainings']),
  );
  for (const model of Object.values(models)) {
    await expect(model.findOne()).rejects.toThrow('before initial connection');
    expect(() => nativeCollection(model).find()).toThrow('before initial connection');
  }
  await expect(counter.next('apples')).rejects.toThrow('before initial connection');
  await expect(lease.take('job', 60_000)).rejects.toThrow('before initial connection');

  await mongodb.start();
  await app.get(Database).whenReady();
  expect(await counter.next('apples')).toBe(1);
  expect(await lease.take('job', 60_000)).toBe(true);

  await mongodb.stop();
  await expect(counter.next('apples')).rejects.toThrow(/ECONNREFUSED|closed/);
  await mongodb.start();
  expect(await counter.next('apples')).toBe(2);

  await app.close();
  await Promise.all([platform.stop(), mongodb.remove()]);
});
