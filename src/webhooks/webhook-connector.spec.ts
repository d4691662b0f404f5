import { createServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type LookupFunction, Socket } from 'node:net';
import { testConfig } from '../../test/world/service/service-environment.js';
import { certificate } from '../../test/support/certificate.js';
import { cidrs } from '../config/value-types.js';
import { WebhookClient } from './webhook-client.js';
import { AddressRefusedError, guardedLookup, peerRefusal } from './webhook-connector.js';
import type { WebhookOutcome } from './webhook-outcome.js';

const toLoopback: LookupFunction = (_hostname, _options, callback) =>
  callback(null, [{ address: '127.0.0.1', family: 4 }]);

const DAY = 86_400_000;
const valid = certificate('receiver.test', new Date(Date.now() - DAY), new Date(Date.now() + DAY));
const expired = certificate('receiver.test', new Date(Date.now() - 2 * DAY), new Date(Date.now() - DAY));

async function postTls(pair: { key: string; cert: string }, host: string, ca?: string): Promise<WebhookOutcome> {
  const server = createServer(pair, (request, response) => request.resume().on('end', () => response.end('ok')));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const config = testConfig({ WEBHOOK_ALLOWED_PRIVATE_CIDRS: '127.0.0.1/32' });
  const client = new WebhookClient(config, { lookup: toLoopback, ca });
  const url = `https://${host}:${(server.address() as AddressInfo).port}/`;
  const outcome = await client.post({ url, headers: [], body: Buffer.from('{}'), webhookId: 'id', signingSecrets: [] });
  await client.close();
  await new Promise((resolve) => server.close(resolve));
  return outcome;
}

describe('WebhookClient over TLS', () => {
  it('delivers to a host whose certificate is trusted', async () => {
    expect(await postTls(valid, 'receiver.test', valid.cert)).toMatchObject({ result: 'delivered' });
  });

  it('does not trust a self-signed certificate', async () => {
    expect(await postTls(valid, 'receiver.test')).toMatchObject({
      result: 'failed',
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      message: 'the certificate of the host is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)',
      retryable: true,
    });
  });

  it('refuses a certificate that has expired or belongs to another host', async () => {
    expect(await postTls(expired, 'receiver.test', expired.cert)).toMatchObject({ code: 'CERT_HAS_EXPIRED' });
    expect(await postTls(valid, 'other.test', valid.cert)).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });
});

describe('guardedLookup', () => {
  const answering =
    (...addresses: string[]): LookupFunction =>
    (_hostname, _options, callback) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      );

  function resolve(lookup: LookupFunction, all: boolean): Promise<unknown> {
    return new Promise((done) =>
      guardedLookup(lookup, cidrs.parse(''))('host.test', { all }, (error, address) => done(error ?? address)),
    );
  }

  it('passes on what is public, in either form of asking', async () => {
    const lookup = answering('10.0.0.1', '8.8.8.8');
    expect(await resolve(lookup, true)).toEqual([{ address: '8.8.8.8', family: 4 }]);
    expect(await resolve(lookup, false)).toBe('8.8.8.8');
  });

  it('refuses when nothing public is left, and when nothing was found', async () => {
    expect(await resolve(answering('10.0.0.1', '127.0.0.1'), true)).toBeInstanceOf(AddressRefusedError);
    expect(await resolve(answering(), true)).toBeInstanceOf(AddressRefusedError);
  });

  it('understands a resolver that answers with one address', async () => {
    const single: LookupFunction = (_hostname, _options, callback) => callback(null, '8.8.8.8', 4);
    expect(await resolve(single, true)).toEqual([{ address: '8.8.8.8', family: 4 }]);
  });
});

describe('peerRefusal', () => {
  it('judges whom the socket is really connected to', async () => {
    const server = createTcpServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    expect(peerRefusal(socket, cidrs.parse(''))).toBeInstanceOf(AddressRefusedError);
    expect(peerRefusal(socket, cidrs.parse('127.0.0.0/8'))).toBeUndefined();
    socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it('takes a socket without a peer for a closed one', () => {
    expect(peerRefusal(new Socket(), cidrs.parse('127.0.0.0/8'))).toMatchObject({ code: 'ECONNRESET' });
  });
});
