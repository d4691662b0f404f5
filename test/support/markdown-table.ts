export type Row = readonly [name: string, value: number | string];

/** A table of two columns for the README. */
export function markdownTable(title: string, rows: readonly Row[]): string {
  const lines = rows.map(([name, value]) => `| ${name} | ${value.toLocaleString('en')} |`);
  return [`| ${title} | |`, '|---|---:|', ...lines].join('\n');
}
