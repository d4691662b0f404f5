import { Dispatcher } from '../../src/deliveries/dispatcher.js';
import { addSessions, deliveryOf, destinationsOf } from './deliveries.fixture.js';
import { Round } from './round.fixture.js';
jest.setTimeout(60_000);
it('trace', async () => {
  const round = await Round.start('deliveries-tmp', { WEBHOOK_TIMEOUT_MS: '500', DELIVERY_RETRY_SCHEDULE: Array(12).fill('100ms').join() });
  round.addTenant('t1');
  const receiver = await round.addWebhook('t1');
  const healthy = [await round.addWebhook('t1'), await round.addWebhook('t1')];
  receiver.behave({ kind: 'status', status: 503 });
  addSessions(round, 't1', 30);
  const t0 = Date.now();
  await round.check();
  const out: string[] = [];
  for (let i = 0; i < 80; i++) {
    const dest = await destinationsOf(round.db).find().toArray();
    const all = [...(await round.all()).values()];
    const d = round.service.get(Dispatcher);
    const lane = (d as any).lanes.get('webhook:1');
    const l2 = (d as any).lanes.get('webhook:2');
    const st = (x: string) => { const c: any = {}; for (const one of all) { const y = deliveryOf(one, x); const k = one.state + '/' + y.state + (y.token ? '/T' : '') + '/' + y.attempts; c[k] = (c[k] ?? 0) + 1; } return JSON.stringify(c); };
    out.push(`${Date.now() - t0} rec=${receiver.received.length} h=${healthy.map((h) => h.received.length)} flow=${round.platform.publisher.triggers.length} fast=${(d as any).fast} slow=${(d as any).slow} L1 run=${lane?.running.size} w=${lane?.waiting.map((w: any) => w.length)} ${lane?.circuit.state}/${lane?.circuit.limit}/${lane?.circuit.failures} L2 run=${l2?.running.size} w=${l2?.waiting.map((w: any) => w.length)} lim=${l2?.circuit.limit} | 1:${st('webhook:1')} 2:${st('webhook:2')} f:${st('flow')} dest=${dest.map((x) => `${x._id} due${x.nextDueAt ? x.nextDueAt.getTime() - Date.now() : '-'} open${x.openUntil ? x.openUntil.getTime() - Date.now() : '-'}`).join('; ')}`);
    await new Promise((r) => setTimeout(r, 250));
    if (receiver.received.length >= 6 && (await destinationsOf(round.db).findOne({ openings: 2 }))) receiver.behave({ kind: 'ok' });
  }
  console.log(out.join('\n'));
  await round.stop();
});
