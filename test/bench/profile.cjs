// Loaded into a service before it starts (NODE_OPTIONS=--require …; --cpu-prof is not allowed there): writes a
// .cpuprofile of its whole life into BENCH_PROFILE_DIR when it ends.
'use strict';
const { mkdirSync, writeFileSync } = require('node:fs');
const { Session } = require('node:inspector');
const { join } = require('node:path');
const { isMainThread } = require('node:worker_threads');

if (isMainThread) {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 500 });
  session.post('Profiler.start');
  process.once('exit', () => {
    session.post('Profiler.stop', (error, result) => {
      if (error) return console.error(error);
      mkdirSync(process.env.BENCH_PROFILE_DIR, { recursive: true });
      writeFileSync(join(process.env.BENCH_PROFILE_DIR, `${process.pid}.cpuprofile`), JSON.stringify(result.profile));
    });
  });
}
