const { allowed } = require('./tools/rooms.cjs');

const rooms = Object.keys(allowed);
const anyOf = (names) => `(${names.join('|')})`;
/** Specs may set up what they test with the rooms around it; what runs in production may not. */
const source = (room) => ({ path: `^src/${room}/`, pathNot: '[.]spec[.]ts$' });

const roomRules = rooms.map((room) => ({
  name: `${room}-may-not-import`,
  severity: 'error',
  comment: `src/${room} may import: ${allowed[room].join(', ') || 'no other room'} (tools/rooms.cjs).`,
  from: source(room),
  to: { path: '^src/', pathNot: `^src/${anyOf([room, ...allowed[room]])}/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'room-without-a-place',
      severity: 'error',
      comment: 'A new folder of src/ needs its line in tools/rooms.cjs.',
      from: { path: '^src/[^/]+/', pathNot: `^src/${anyOf(rooms)}/` },
      to: {},
    },
    {
      name: 'no-cycle',
      severity: 'error',
      comment: 'Two files that import each other, types included, cannot be read one after the other.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'inside-of-deliveries',
      severity: 'error',
      comment:
        'channels/ and dispatch/ are inside src/deliveries. Its face is the files directly in src/deliveries, and ' +
        'dispatch/dispatcher.ts for src/operations, which shows its figures.',
      from: { path: '^src/', pathNot: ['^src/deliveries/', '[.]spec[.]ts$'] },
      to: { path: '^src/deliveries/(channels|dispatch)/', pathNot: '^src/deliveries/dispatch/dispatcher[.]ts$' },
    },
    {
      name: 'dispatcher-only-for-figures',
      severity: 'error',
      comment: 'src/operations reads the figures of the dispatcher; nobody else outside src/deliveries uses it.',
      from: { path: '^src/', pathNot: ['^src/(deliveries|operations)/', '[.]spec[.]ts$'] },
      to: { path: '^src/deliveries/dispatch/dispatcher[.]ts$' },
    },
    {
      name: 'payload-knows-shapes-only',
      severity: 'error',
      comment: 'src/payload builds a body from what it is given: it imports shapes of the platform, never a client.',
      from: source('payload'),
      to: { path: '^src/platform/', pathNot: ['[.]dto[.]ts$', '/shape[.]ts$'] },
    },
    {
      name: 'no-import-of-tests',
      severity: 'error',
      comment: 'What is shipped imports neither a spec nor test/.',
      from: { path: '^src/', pathNot: '[.]spec[.]ts$' },
      to: { path: '(^test/|[.]spec[.]ts$)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    includeOnly: '^(src|test)/',
  },
};
