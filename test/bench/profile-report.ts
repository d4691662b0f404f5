import { readFileSync } from 'node:fs';

/** `npx tsx test/bench/profile-report.ts file.cpuprofile`: self time by package or file, and the functions on top. */
interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

const IDLE = new Set(['(idle)', '(root)']);
const TOP = 45;

function main(file: string): void {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as Profile;
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const places = new Map<string, number>();
  const functions = new Map<string, number>();
  let busy = 0;
  samples.forEach((id, index) => {
    const { functionName, url, lineNumber } = frames.get(id)!;
    if (IDLE.has(functionName)) return;
    const ms = timeDeltas[index]! / 1000;
    busy += ms;
    const place = placeOf(url, functionName);
    add(places, place, ms);
    add(functions, `${functionName || '(anonymous)'}  ${place}:${lineNumber + 1}`, ms);
  });
  console.log(`busy ${Math.round(busy)} ms\n`);
  for (const table of [places, functions]) {
    const rows = [...table].sort(([, a], [, b]) => b - a).slice(0, TOP);
    for (const [name, ms] of rows) console.log(`${((100 * ms) / busy).toFixed(1).padStart(5)} %  ${name}`);
    console.log();
  }
}

function placeOf(url: string, functionName: string): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)';
  if (url.startsWith('node:')) return url;
  const inPackage = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url.slice(url.lastIndexOf('node_modules/')));
  return inPackage ? inPackage[1]! : `src/${url.slice(url.lastIndexOf('/dist/') + 6)}`;
}

function add(table: Map<string, number>, key: string, ms: number): void {
  table.set(key, (table.get(key) ?? 0) + ms);
}

main(process.argv[2]!);
