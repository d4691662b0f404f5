import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';
import type { Config } from '../config/config.js';

/** Address ranges, as Config.webhookAllowedPrivateCidrs holds them. */
export type Cidrs = readonly [ipaddr.IPv4 | ipaddr.IPv6, number][];

/** What decides which URLs a webhook may have. */
export interface UrlRules {
  allowHttp: boolean;
  allowedCidrs: Cidrs;
  /** Empty: any. */
  allowedPorts: readonly number[];
}

/** The operator's rules. */
export function urlRulesOf(config: Config): UrlRules {
  return {
    allowHttp: config.webhookAllowHttp,
    allowedCidrs: config.webhookAllowedPrivateCidrs,
    allowedPorts: config.webhookAllowedPorts,
  };
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** All global unicast of IPv6 is in here (RFC 4291, IANA); NAT64, mapped and compatible addresses are not. */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Why an address may not be connected to, or undefined when it may. Only public unicast may, and what an operator has
 * allowed. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) is judged as IPv4; tunnels that carry one (6to4, Teredo,
 * NAT64) are refused as a whole. The reason does not name the address, so that an integration cannot map our network.
 */
export function addressRefusal(address: string, allowed: Cidrs): string | undefined {
  return mayConnect(address, allowed) ? undefined : 'the host resolves to an address that is not public';
}

/**
 * A webhook's URL as it is called, or why a webhook may not have it. Names are not resolved: what they resolve to is
 * judged at connect time. Decimal, octal and hexadecimal IPv4 forms are read as every client reads them (WHATWG URL).
 * The reason repeats no part of the URL.
 */
export function readWebhookUrl(text: string, rules: UrlRules): { url: URL } | { refusal: string } {
  // the parser passes over line breaks and tabs, but logs and mails show the URL as it was written
  if (/[\p{Cc}\p{Cs}]/u.test(text)) return { refusal: 'the URL must not hold control characters' };
  if (!URL.canParse(text)) return { refusal: 'the URL is not absolute' };
  const url = new URL(text);
  const refusal = refusalOf(url, rules);
  return refusal === undefined ? { url } : { refusal };
}

/** As readWebhookUrl, for callers that need only the reason. */
export function urlRefusal(text: string, rules: UrlRules): string | undefined {
  const read = readWebhookUrl(text, rules);
  return 'refusal' in read ? read.refusal : undefined;
}

function refusalOf(url: URL, { allowHttp, allowedCidrs, allowedPorts }: UrlRules): string | undefined {
  const { protocol, username, password, hostname, port } = url;
  if (protocol !== 'https:' && protocol !== 'http:') return 'the URL must begin with https://';
  if (protocol === 'http:' && !allowHttp) return 'the URL must begin with https://';
  if (username !== '' || password !== '') return 'the URL must not hold credentials';
  const given = port === '' ? DEFAULT_PORTS[protocol]! : Number(port);
  if (allowedPorts.length > 0 && !allowedPorts.includes(given)) return 'the port of the URL is not allowed';
  return hostRefusal(hostname, allowedCidrs);
}

function hostRefusal(hostname: string, allowed: Cidrs): string | undefined {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (host === '') return 'the URL has no host';
  const local = host === 'localhost' || host.endsWith('.localhost');
  // the URL parser has written any literal address in its usual form; ipaddr.js throws inside at a name, 20 µs each
  const addresses = local ? ['127.0.0.1', '::1'] : isIP(host) !== 0 ? [host] : [];
  const passes = addresses.length === 0 || addresses.some((address) => mayConnect(address, allowed));
  return passes ? undefined : 'the host of the URL is not public';
}

function mayConnect(text: string, allowed: Cidrs): boolean {
  // ipaddr.js takes an IPv4-compatible address (`::8.8.8.8`) for a mapped one; nothing public is behind it
  if (!ipaddr.isValid(text) || /^::\d+\./.test(text)) return false;
  const address = ipaddr.process(text);
  if (ipaddr.subnetMatch(address, { allowed: [...allowed] }, 'none') === 'allowed') {
    return true;
  }
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST);
}
