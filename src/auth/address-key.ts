import ipaddr from 'ipaddr.js';

/**
 * By which the calls of an address are counted: an IPv6 address by its first 64 bits, as a customer of
 * a provider has all addresses of such a network.
 *
 * @param address as express tells it; behind trusted proxies from X-Forwarded-For, so it may be anything
 */
export function addressKey(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${(parsed as ipaddr.IPv6).parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
