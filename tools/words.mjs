// Fails on words of earlier versions in src: one thing has one name (docs/architecture.md, "Words").
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What is refused, as it stands in identifiers, texts and comments, and what to write instead. */
const WORDS = [
  [/\bowe[ds]?\b|\bowing\b|\bowed[A-Z]|Owed/, 'pending'],
  [/\b(paid|pays|payable|closePaid|perhapsPaid|toPay)\b/, 'delivered, settled'],
  [/\bdebts?\b/, 'pending delivery'],
  [/'dropped'|\bdropped (one|ones|delivery|deliveries)\b/, 'cancelled'],
  [/set[ -]aside|setAside|SetAside/, 'quarantine'],
  [/[Dd]etection|\bdetected|Detected/, 'intent, found'],
  [/turn(s|ed)?[ -]?away|turnAway/i, 'reject'],
  [/(class|new|:) Lanes\b|\bLanes[.,(]/, 'RetryWorker'],
  [/CircuitBoard|circuit-board/, 'Circuits'],
  [/[Rr]esending/, 'redelivery'],
  [/\breckon/, 'compute'],
  [/\bwhoever\b/i, 'name who does it'],
  [/\bbe it\b/i, 'say it without "be it"'],
  [/\bin vain\b/i, 'say what failed'],
  [/says it all/i, 'say what it says'],
];

let found = 0;
for (const file of readdirSync('src', { recursive: true })) {
  if (!file.endsWith('.ts')) continue;
  const lines = readFileSync(join('src', file), 'utf8').split('\n');
  for (const [index, line] of lines.entries()) {
    for (const [word, instead] of WORDS) {
      const match = word.exec(line);
      if (!match) continue;
      found++;
      console.error(`src/${file}:${index + 1}: "${match[0]}" → ${instead}`);
    }
  }
}
if (found > 0) process.exit(1);
