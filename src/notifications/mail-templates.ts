import type { Integration } from '../integrations/integration.schema.js';
import type { IntegrationEventKind } from './integration-event.js';
import type { IntegrationFacts, OperatorFacts } from './mail-facts.js';
import { escapeHtml, instant, oneLine, shownUrl, withoutQueries } from './mail-text.js';
import type { OperatorAlertKind } from './operator-alerts.js';

const TENANTS_SHOWN = 10;
const VALUE_LENGTH = 500;
const SUBJECT_LENGTH = 160;

export interface MailContent {
  subject: string;
  text: string;
  html: string;
}

/** What happened to one integration since the last mail. */
export interface IntegrationEvents {
  integration: Pick<Integration, 'id' | 'organizationId' | 'url' | 'tenants' | 'enabled' | 'failingSince'>;
  /** How often; of `dead` the number of deliveries. */
  counts: Partial<Record<IntegrationEventKind, number>>;
  facts: IntegrationFacts;
}

export interface IntegrationMailInput extends IntegrationEvents {
  /** Pending deliveries of the integration. */
  pending: number;
}

export interface OperatorMailInput {
  kind: OperatorAlertKind;
  /** How often it was raised since the last mail. */
  count: number;
  facts: OperatorFacts;
}

export type Row = readonly [label: string, value: string];

export interface Page {
  title: string;
  rows: readonly Row[];
  todo: readonly string[];
}

const WORDS: Record<IntegrationEventKind, (count: number) => string> = {
  'first-failure': (count) => (count === 1 ? 'began to fail' : `began to fail ${count} times`),
  dead: (count) => (count === 1 ? '1 delivery was given up' : `${count} deliveries were given up`),
  disabled: (count) => (count === 1 ? 'was disabled' : `was disabled ${count} times`),
  recovered: (count) => (count === 1 ? 'works again' : `recovered ${count} times`),
};

/** One event, or several, about one of a customer's endpoints. Holds no header value and no URL query. */
export function integrationMail(input: IntegrationMailInput): MailContent {
  const happened = whatHappened(input.counts);
  const title = `Webhook integration ${input.integration.id}: ${happened}`;
  return render({ title, rows: integrationRows(input, happened), todo: integrationTodo(input) });
}

/** One alert, or several of the same kind and key, to the operators of the service. */
export function operatorMail({ kind, count, facts }: OperatorMailInput): MailContent {
  const rows: Row[] = [
    ['Alert', kind],
    ['Last raised', instant(facts.at)],
    ['Raised since the last mail', String(count)],
    ...facts.details.map(([label, value]): Row => [label, String(value)]),
  ];
  return render({ title: facts.subject, rows, todo: [] });
}

function integrationRows(input: IntegrationMailInput, happened: string): Row[] {
  const { integration, facts, pending } = input;
  const since = integration.failingSince ?? facts.since;
  const rows: (Row | false)[] = [
    ['Integration', `${integration.id} (${integration.enabled ? 'enabled' : 'disabled'})`],
    ['URL', shownUrl(integration.url)],
    ['Organization', integration.organizationId],
    ['Tenants', shownTenants(integration.tenants)],
    ['What happened', happened],
    ['Latest event', instant(facts.at)],
    [works(input) ? 'Failed from' : 'Failing since', instant(since)],
    facts.recoveredAt !== null && since <= facts.recoveredAt && ['Works again since', instant(facts.recoveredAt)],
    ['Last status', lastStatus(facts)],
    facts.reason !== null && ['Reason', facts.reason],
    ['Pending deliveries', String(pending)],
  ];
  return rows.filter((row) => row !== false);
}

function integrationTodo(input: IntegrationMailInput): string[] {
  const { integration, facts } = input;
  const base = `/organizations/${encodeURIComponent(integration.organizationId)}/integrations`;
  const path = `${base}/${integration.id}`;
  const since = facts.since.toISOString();
  const steps: (string | false)[] = [
    `See what failed: GET ${base}/errors/${integration.id}`,
    !works(input) && 'Mend the endpoint, so that it answers every delivery with a 2xx status in time.',
    !integration.enabled && `Enable it again: PATCH ${path} with {"enabled": true}`,
    `Send again what was given up: POST ${path}/recover with {"since": "${since}"}, or retry single deliveries.`,
  ];
  return steps.filter((step) => step !== false);
}

/** @returns what happened to one integration, in words */
export function whatHappened(counts: IntegrationEvents['counts']): string {
  const kinds = (Object.keys(WORDS) as IntegrationEventKind[]).filter((kind) => counts[kind]);
  return kinds.map((kind) => WORDS[kind](counts[kind]!)).join(', ');
}

/** @returns whether it works, as far as is known */
export function works({ integration, counts }: IntegrationEvents): boolean {
  return (counts.recovered ?? 0) > 0 && integration.failingSince === undefined;
}

function shownTenants(tenants: readonly string[]): string {
  const more = tenants.length - TENANTS_SHOWN;
  return tenants.slice(0, TENANTS_SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

export function lastStatus({ statusCode, code }: IntegrationFacts): string {
  const parts = [statusCode && `HTTP ${statusCode}`, code].filter(Boolean);
  return parts.join(', ') || 'unknown';
}

/** Every value passes through here: one line each, no URL query, capped, and escaped where it becomes HTML. */
export function render(page: Page): MailContent {
  const title = oneLine(withoutQueries(page.title), SUBJECT_LENGTH);
  const rows = page.rows.map(([label, value]): Row => [
    oneLine(label, 80),
    oneLine(withoutQueries(value), VALUE_LENGTH),
  ]);
  const todo = page.todo.map((step) => oneLine(step, VALUE_LENGTH));
  return {
    subject: `[hbf] ${title}`,
    text: renderText({ title, rows, todo }),
    html: renderHtml({ title, rows, todo }),
  };
}

function renderText({ title, rows, todo }: Page): string {
  const facts = rows.map(([label, value]) => `${label}: ${value}`);
  const steps = todo.map((step, i) => `${i + 1}. ${step}`);
  return [title, '', ...facts, ...(steps.length > 0 ? ['', 'What to do', ...steps] : []), ''].join('\n');
}

function renderHtml({ title, rows, todo }: Page): string {
  const cell = 'style="text-align:left;vertical-align:top;padding:2px 12px 2px 0"';
  const facts = rows.map(([l, v]) => `<tr><th ${cell}>${escapeHtml(l)}</th><td ${cell}>${escapeHtml(v)}</td></tr>`);
  const steps = todo.map((step) => `<li>${escapeHtml(step)}</li>`);
  const list = steps.length > 0 ? `<h2>What to do</h2><ol>${steps.join('')}</ol>` : '';
  const head = `<meta charset="utf-8"><title>${escapeHtml(title)}</title>`;
  const body = `<h1>${escapeHtml(title)}</h1><table>${facts.join('')}</table>${list}`;
  return `<!doctype html><html lang="en"><head>${head}</head><body style="font-family:sans-serif">${body}</body></html>`;
}
