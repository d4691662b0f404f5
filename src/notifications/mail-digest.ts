import {
  type IntegrationEvents,
  lastStatus,
  type MailContent,
  render,
  type Row,
  whatHappened,
  works,
} from './mail-templates.js';
import { instant, shownUrl } from './mail-text.js';

export interface DigestInput {
  organizationId: string;
  /** In any order. */
  listed: readonly IntegrationEvents[];
  /** How many more integrations something happened to. */
  further: number;
  /** How often something happened to all of them together; of `dead` the number of deliveries. */
  counts: IntegrationEvents['counts'];
}

/** What happened to several integrations of an organization: those that are disabled first. Of URLs no query. */
export function digestMail({ organizationId, listed, further, counts }: DigestInput): MailContent {
  const organization = `/organizations/${encodeURIComponent(organizationId)}`;
  const base = `${organization}/integrations`;
  const since = new Date(Math.min(...listed.map(({ facts }) => facts.since.getTime())));
  const rows: (Row | false)[] = [
    ['Organization', organizationId],
    ['What happened', inAll(counts)],
    ...[...listed].sort(disabledFirst).map(rowOf),
    further > 0 && ['More', `and ${further} more`],
  ];
  return render({
    title: `${listed.length + further} webhook integrations: ${inAll(counts)}`,
    rows: rows.filter((row) => row !== false),
    todo: [
      `See which of them fail (failingSince) and which are disabled: GET ${base}`,
      `See what failed: GET ${base}/errors/ and the number of the integration`,
      'Mend the endpoints, so that they answer every delivery with a 2xx status in time.',
      `Enable those that are disabled: PATCH ${base}/ and the number, with {"enabled": true}`,
      ...(listed.length > 0
        ? [`Send again what was given up: POST ${organization}/redeliveries with {"since": "${since.toISOString()}"}`]
        : []),
    ],
  });
}

function inAll({ 'first-failure': began, dead, disabled, recovered }: DigestInput['counts']): string {
  const parts = [
    began && `${began} began to fail`,
    dead && (dead === 1 ? '1 delivery was given up' : `${dead} deliveries were given up`),
    disabled && (disabled === 1 ? '1 was disabled' : `${disabled} were disabled`),
    recovered && `${recovered} recovered`,
  ];
  return parts.filter(Boolean).join(', ');
}

function disabledFirst({ integration: one }: IntegrationEvents, { integration: other }: IntegrationEvents): number {
  return Number(one.enabled) - Number(other.enabled) || one.id - other.id;
}

/** The URL comes last, as it may be long and the value is cut off. */
function rowOf(events: IntegrationEvents): Row {
  const { integration, counts, facts } = events;
  const { id, enabled, failingSince, url } = integration;
  const since = `${works(events) ? 'failed from' : 'failing since'} ${instant(failingSince ?? facts.since)}`;
  const parts = [whatHappened(counts), since, `last status ${lastStatus(facts)}`, shownUrl(url)];
  return [`Integration ${id} (${enabled ? 'enabled' : 'disabled'})`, parts.join('; ')];
}
