// Writes the README's configuration table and .env.example from the Config class: npm run config-docs
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Config } from '../src/config/config.js';
import { type EnvVarSpec, envVarsOf } from '../src/config/env-var.js';

const ROOT = join(__dirname, '..');
const TABLE = /(<!-- prettier-ignore-start -->\n)(\| Variable [\s\S]*?)(\n<!-- prettier-ignore-end -->)/;

/** What a developer's machine may start with where there is no default. */
const EXAMPLES: Readonly<Record<string, string>> = {
  CORE_URL: 'http://localhost:8080',
  CORE_TOKEN: 'change-me',
  EVENT_PUBLISHER_URL: 'http://localhost:8081',
  NLP_URL: 'http://localhost:2055',
};

/** The README's configuration table. */
export function configTable(specs: readonly EnvVarSpec[] = envVarsOf(Config)): string {
  const rows = specs.map((spec) => [`\`${spec.name}\``, spec.type.label, defaultOf(spec), meaningOf(spec)]);
  return [['Variable', 'Type', 'Default', 'Meaning'], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

/** The whole of .env.example: what must be set is set, everything else is there with its default, commented out. */
export function envExample(specs: readonly EnvVarSpec[] = envVarsOf(Config)): string {
  const head = '# Copy to .env: read in development only. Made by `npm run config-docs` from src/config/config.ts.\n';
  return [head, ...specs.map(exampleOf)].join('\n');
}

/** The table as the README holds it now. */
export function tableInReadme(): string {
  return TABLE.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))?.[2] ?? '(README.md has no configuration table)';
}

/** .env.example as it is now. */
export function currentExample(): string {
  return readFileSync(join(ROOT, '.env.example'), 'utf8');
}

function exampleOf(spec: EnvVarSpec): string {
  const value = spec.required === 'always' ? EXAMPLES[spec.name] : spec.default;
  const required = spec.required ? `; required ${spec.required}` : '';
  const setting = `${spec.required === 'always' ? '' : '#'}${spec.name}=${value ?? ''}`;
  return `# ${meaningOf(spec)} (${spec.type.label}${required})\n${setting}\n`;
}

function defaultOf({ required, default: preset }: EnvVarSpec): string {
  if (required) return required === 'always' ? '**required**' : `**required ${required}**`;
  if (preset === undefined) return 'unset';
  return preset === '' ? 'empty' : `\`${preset}\``;
}

function meaningOf({ meaning, secret }: EnvVarSpec): string {
  return secret ? `${meaning}; secret` : meaning;
}

function write(): void {
  const readme = join(ROOT, 'README.md');
  const text = readFileSync(readme, 'utf8');
  writeFileSync(
    readme,
    text.replace(TABLE, (_, start, __, end) => `${start}${configTable()}${end}`),
  );
  writeFileSync(join(ROOT, '.env.example'), envExample());
}

if (require.main === module) write();
