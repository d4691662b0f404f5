import { World } from './world.js';
import { connect } from '../support/database.js';
World.use({ tenants: 10, hooksPerTenant: 2, analyses: true, thresholdSeconds: 0.5 }, async (world) => {
  const service = await world.startService({ CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.02' }, { root: '/tmp/bench-snap' });
  for (const n of [300]) {
    await world.addExpired(n, { parked: true });
    console.log(n, await world.rateOfService(n));
    const c = await connect(world.databaseUri);
    const bad = await c.db().collection('completions').find({ deliveries: { $elemMatch: { attempts: { $gt: 1 } } } }).limit(5).toArray();
    console.log(await c.db().collection('completions').countDocuments({ deliveries: { $elemMatch: { attempts: { $gt: 1 } } } }));
    for (const b of bad) console.log(b._id, JSON.stringify((b as any).deliveries.filter((d: any) => d.attempts > 1)));
    await c.close();
    console.log('dups', await world.balance());
    console.log(service.tail(3));
    await world.forgetSessions();
  }
 
}).then(() => process.exit(0), (e) => { console.error(e); process.exit(1); });
