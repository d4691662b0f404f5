import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import { addressRefusal, type Cidrs } from './address-filter.js';
import { watchAnswers } from './answer-watch.js';

/** Nest token of WebhookConnectOptions; without a provider the system's resolver and certificates are used. */
export const WEBHOOK_CONNECT_OPTIONS = Symbol('WEBHOOK_CONNECT_OPTIONS');

/** How connections to receivers are made, where it differs from Node's own way. */
export interface WebhookConnectOptions {
  /** Resolves host names in place of the operating system. */
  lookup?: LookupFunction;
  /** PEM certificates to trust in place of the well-known ones. */
  ca?: string;
}

/** The host's address is not one that a webhook may reach. */
export class AddressRefusedError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'AddressRefusedError';
  }
}

/**
 * Opens connections for undici to allowed addresses only. The addresses are checked between DNS and connect, on the
 * answer that is connected to, so that a name that resolves to another address a moment later (DNS rebinding) does not
 * get past the check.
 */
export function guardedConnector(
  allowed: Cidrs,
  timeoutMs: number,
  { lookup = systemLookup, ca }: WebhookConnectOptions,
): buildConnector.connector {
  const connect = buildConnector({
    timeout: timeoutMs,
    lookup: guardedLookup(lookup, allowed),
    ca,
    // explicit, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch it off
    rejectUnauthorized: true,
    autoSelectFamily: true,
    // the default of 250 ms gives up on far-away receivers that have two addresses
    autoSelectFamilyAttemptTimeout: 1000,
  });
  return (options, callback) => {
    // for a literal address Node never calls lookup
    const refusal = isIP(options.hostname) ? addressRefusal(options.hostname, allowed) : undefined;
    if (refusal) return callback(new AddressRefusedError(refusal), null);
    connect(options, (error, socket) => {
      if (error) return callback(error, null);
      const refusalOfPeer = peerRefusal(socket, allowed);
      if (refusalOfPeer) {
        socket.destroy();
        return callback(refusalOfPeer, null);
      }
      watchAnswers(socket);
      callback(null, socket);
    });
  };
}

/** Asks `lookup` and passes on only what may be connected to; AddressRefusedError when nothing is left. */
export function guardedLookup(lookup: LookupFunction, allowed: Cidrs): LookupFunction {
  return (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (error, found, family) => {
      if (error) return callback(error, '');
      const answers = typeof found === 'string' ? [{ address: found, family: family ?? isIP(found) }] : found;
      const refusals = answers.map(({ address }) => addressRefusal(address, allowed));
      const passing = answers.filter((_, index) => refusals[index] === undefined);
      const first = passing[0];
      if (!first) return callback(new AddressRefusedError(refusals[0] ?? 'the host resolves to no address'), '');
      if (options.all) callback(null, passing);
      else callback(null, first.address, first.family);
    });
}

/** Checks the address that the socket is connected to, before a byte of the request is written. */
export function peerRefusal(socket: Socket, allowed: Cidrs): Error | undefined {
  if (!socket.remoteAddress) return Object.assign(new Error('closed while connecting'), { code: 'ECONNRESET' });
  const refusal = addressRefusal(socket.remoteAddress, allowed);
  return refusal === undefined ? undefined : new AddressRefusedError(refusal);
}
