/**
 * The address of an entry of `errorEmailRecipients`, which may have a name before it: `Ada <ada@example.com>`. Mails are
 * noted and sent by address, so that one person gets one mail however integrations write the name.
 */
export function addressOf(recipient: string): string {
  return /<([^<>]+)>\s*$/.exec(recipient)?.[1] ?? recipient;
}

/** A filter for the entries of `errorEmailRecipients` that have this address. */
export function withAddress(address: string): { $in: (string | RegExp)[] } {
  const literal = address.replace(/[$()*+./?[\\\]^{|}-]/g, '\\$&');
  return { $in: [address, new RegExp(`<${literal}>\\s*$`)] };
}
