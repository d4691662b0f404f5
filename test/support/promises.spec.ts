import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');

describe('the table of promises in SECURITY.md', () => {
  it('names tests that exist', () => {
    const named = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8').match(/(?:src|test)\/[\w./-]+\.ts/g) ?? [];
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});
