// Draws the rooms of src/ and their imports into docs/architecture.md; with --check it only says whether the picture is
// the one of today's imports.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import rooms from './rooms.cjs';

const FILE = 'docs/architecture.md';
const BEGIN = '<!-- drawn by npm run docs:architecture -->';
const END = '<!-- end of what is drawn -->';

/** room → the rooms that its files import; specs and the files above all rooms aside */
function imports() {
  const cruiser = 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs';
  const args = [cruiser, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'];
  const { modules } = JSON.parse(execFileSync('node', args, { maxBuffer: 2 ** 28 }).toString());
  const found = new Map();
  for (const { source, dependencies } of modules) {
    const from = roomOf(source);
    if (!from || source.endsWith('.spec.ts')) continue;
    if (!found.has(from)) found.set(from, new Set());
    for (const { resolved } of dependencies) {
      const to = roomOf(resolved);
      if (to && to !== from) found.get(from).add(to);
    }
  }
  return found;
}

function roomOf(path) {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

/** Whether `from` reaches `to` through a room between them, so that an arrow of its own would show nothing new. */
function isImplied(found, from, to) {
  const seen = new Set([from]);
  const open = [...found.get(from)].filter((room) => room !== to);
  while (open.length > 0) {
    const room = open.pop();
    if (room === to) return true;
    if (seen.has(room)) continue;
    seen.add(room);
    open.push(...(found.get(room) ?? []));
  }
  return false;
}

function picture(found) {
  const drawn = rooms.order.filter((room) => found.has(room));
  const arrows = drawn.flatMap((from) =>
    drawn.filter((to) => found.get(from).has(to) && !isImplied(found, from, to)).map((to) => `  ${from} --> ${to}`),
  );
  return ['```mermaid', 'flowchart TD', ...drawn.map((room) => `  ${room}["${room}/"]`), ...arrows, '```'];
}

function table(found) {
  const everyRoom = [...rooms.order, ...rooms.foundation].filter((room) => found.has(room));
  const cells = everyRoom.map((room) => {
    const list = everyRoom.filter((other) => found.get(room).has(other));
    return `| \`${room}/\` | ${list.map((other) => `\`${other}\``).join(', ') || '–'} |`;
  });
  return [
    '<!-- prettier-ignore-start -->',
    '| Room | imports |',
    '| --- | --- |',
    ...cells,
    '<!-- prettier-ignore-end -->',
  ];
}

const text = readFileSync(FILE, 'utf8');
const [before, rest] = text.split(BEGIN);
const after = rest?.split(END)[1];
if (after === undefined) throw new Error(`${FILE} lacks the lines "${BEGIN}" and "${END}"`);
const found = imports();
const now = [before + BEGIN, '', ...picture(found), '', ...table(found), '', END + after].join('\n');

if (!process.argv.includes('--check')) writeFileSync(FILE, now);
else if (now !== text) {
  console.error(`${FILE} does not show today's imports between the rooms: npm run docs:architecture`);
  process.exit(1);
}
