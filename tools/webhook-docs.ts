// Writes the field tables and examples of docs/webhooks.md from what is published: npm run webhook-docs
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleBodies } from '../src/payload/example-bodies.js';
import { type Field, type Shape, type Structure } from '../src/payload/field.js';
import { knownOf, schemaFingerprint } from '../src/payload/json-schema.js';
import { FLOW_BODY, structuresOf, SURVEY_BODY, WEBHOOK_BODY } from '../src/payload/payload-schema.js';

const PAGE = join(__dirname, '..', 'docs', 'webhooks.md');
const BEGIN = '<!-- made by npm run webhook-docs -->';
const END = '<!-- end of what is made -->';
const BETWEEN = new RegExp(`(${BEGIN}\n)([\\s\\S]*?)(\n${END})`);
/** A row of the list of changes: version, date, fingerprint, change. */
const CHANGE = /^\| `(chat-session\.completed\/\d+)` +\| (\d{4}-\d\d-\d\d) +\| `([0-9a-f]{12})` +\|/gm;

/** The part of docs/webhooks.md that is made: a table for each structure, and an example of each body. */
export function fieldTables(): string {
  const ofWebhook = structuresOf(WEBHOOK_BODY);
  const ofSurvey = structuresOf(SURVEY_BODY).filter((structure) => !ofWebhook.includes(structure));
  const examples = exampleBodies();
  return [
    ...ofWebhook.map(tableOf),
    exampleOf('Example of a webhook body', examples[WEBHOOK_BODY.name]),
    `### ${FLOW_BODY.name}\n\n${FLOW_BODY.about}`,
    ...ofSurvey.map(tableOf),
  ].join('\n\n');
}

/** That part as it is now. */
export function tablesInPage(): string {
  return BETWEEN.exec(page())?.[2] ?? '(docs/webhooks.md has no such part)';
}

/** The list of changes in docs/webhooks.md, the latest last. */
export function changes(): { schema: string; at: string; fingerprint: string }[] {
  return [...page().matchAll(CHANGE)].map(([, schema, at, fingerprint]) => {
    return { schema: schema!, at: at!, fingerprint: fingerprint! };
  });
}

/** The code block of docs/webhooks.md whose first line names that file. */
export function receiverInPage(file: string): string {
  for (const [, code] of page().matchAll(/```\w+\n([\s\S]*?)\n```/g)) {
    if (code!.split('\n')[0]!.includes(file)) return code!;
  }
  throw new Error(`docs/webhooks.md has no ${file}`);
}

function page(): string {
  return readFileSync(PAGE, 'utf8');
}

function tableOf({ name, about, fields }: Structure): string {
  const rows = Object.entries(fields).map(([field, told]) => {
    const known = knownOf(told);
    return [
      `\`${field}\``,
      typeOf(told) + (told.nullable && told.kind !== 'any' ? ' or null' : ''),
      [told.means, told.unit && `in ${told.unit}`, known && `known values: ${known}`].filter(Boolean).join('; '),
      told.absent ?? 'never',
      told.from,
    ];
  });
  const table = [['Field', 'Type', 'Meaning', 'Absent if', 'From'], ['---', '---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
  return `### ${name}\n\n${about}\n\n${table}`;
}

function typeOf(shape: Shape | Field): string {
  switch (shape.kind) {
    case 'text':
      if (shape.only) return shape.only.map((value) => `"${value}"`).join(' or ');
      return shape.format === 'date-time' ? 'date-time text' : 'text';
    case 'flag':
      return shape.only ? 'true' : 'true or false';
    case 'any':
      return 'anything';
    case 'map':
      return 'object of integers';
    case 'object':
      return `[${shape.of.name}](#${shape.of.name.toLowerCase()})`;
    case 'list':
      return `list of ${typeOf(shape.of)}`;
    default:
      return shape.kind;
  }
}

function exampleOf(title: string, body: unknown): string {
  return `### ${title}\n\n\`\`\`json\n${JSON.stringify(body, null, 2)}\n\`\`\``;
}

function write(): void {
  const text = page().replace(BETWEEN, (_, begin, __, end) => `${begin}${fieldTables()}${end}`);
  writeFileSync(PAGE, text);
  console.log(`fingerprint of the schemas: ${schemaFingerprint()}`);
}

if (require.main === module) write();
