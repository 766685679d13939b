import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClientAddresses } from '../../../src/registry/http/client-address.ts';

const PROXIES = ['10.0.0.0/8', '192.0.2.7', '2001:db8:1::/48', 'fe80::/10'];
const clients = createClientAddresses(PROXIES);

function request(
  remoteAddress: string | undefined,
  headers: Readonly<Record<string, string>> = {},
  encrypted = false,
): IncomingMessage {
  return { socket: { remoteAddress, encrypted }, headers } as unknown as IncomingMessage;
}

const forwarded = (peer: string, list: string): string =>
  clients.addressOf(request(peer, { 'x-forwarded-for': list }));

const proxy = fc.oneof(
  fc.ipV4().map((address) => address.replace(/^\d+/, '10')),
  fc.constantFrom(
    '192.0.2.7',
    '2001:db8:1::5',
    '2001:db8:1:ffff::1',
    '::ffff:10.1.2.3',
    'fe80::1%lo',
  ),
);
/** An address that no proxy has. */
const client = fc.oneof(
  fc.ipV4().filter((address) => !address.startsWith('10.') && address !== '192.0.2.7'),
  fc.constantFrom('2001:db8:2::1', '203.0.113.9', '::1', '192.0.2.8'),
);

describe('decisions 5: the address of a client', () => {
  it('is the peer of the connection, whatever it says of itself, unless that is a trusted proxy', () => {
    fc.assert(
      fc.property(client, fc.oneof(proxy, client, fc.string()), (peer, said) => {
        expect(forwarded(peer, said)).toBe(peer);
      }),
    );
    const trusting = createClientAddresses([]);
    const req = request('10.0.0.1', { 'x-forwarded-for': '203.0.113.1' });
    expect(trusting.addressOf(req)).toBe('10.0.0.1');
  });

  it('is the last one that is no trusted proxy, whatever the client put before it', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constant(''),
          fc.ipV4(),
          fc.string().filter((text) => !text.includes('\n')),
        ),
        client,
        fc.array(proxy, { maxLength: 4 }),
        proxy,
        (spoofed, real, between, peer) => {
          const list = [spoofed, real, ...between].join(', ');
          expect(forwarded(peer, list)).toBe(real);
        },
      ),
    );
  });

  it('is taken without its port, which some proxies add', () => {
    const port = fc.nat(65_535);
    const withPort = fc.tuple(client, fc.option(port)).map(([address, number]) => {
      const host = isIP(address) === 6 ? `[${address}]` : address;
      return { address, entry: number === null ? host : `${host}:${number}` };
    });
    const proxyWithPort = fc.tuple(fc.ipV4(), port).map(([address, number]) => {
      return `${address.replace(/^\d+/, '10')}:${number}`;
    });
    fc.assert(
      fc.property(withPort, fc.array(proxyWithPort), ({ address, entry }, between) => {
        expect(forwarded('10.0.0.1', ['9.9.9.9', entry, ...between].join(','))).toBe(address);
      }),
    );
    expect(forwarded('10.0.0.1', '[::ffff:203.0.113.1]:5')).toBe('203.0.113.1');
  });

  it.each([
    '203.0.113.1:',
    '203.0.113.1:x',
    '[203.0.113.1',
    '[::1]5',
    '[::1]:',
    '[::1]:x',
    '[]:5',
    ':5',
    '[',
    'unknown',
    'unknown:5',
  ])('is that of the proxy when what it names is none: %s', (entry) => {
    expect(forwarded('10.0.0.1', entry)).toBe('10.0.0.1');
  });

  it('is an address, or nothing, for any header', () => {
    const hop = fc.oneof(proxy, client, fc.string({ maxLength: 20 }), fc.ipV6());
    fc.assert(
      fc.property(proxy, fc.array(hop), fc.constantFrom(',', ', ', ' ,'), (peer, hops, comma) => {
        expect(isIP(forwarded(peer, hops.join(comma)))).not.toBe(0);
      }),
      { numRuns: 500 },
    );
    expect(clients.addressOf(request(undefined, { 'x-forwarded-for': '1.2.3.4' }))).toBe('');
  });

  it('is that of the nearest proxy when what follows is no address', () => {
    expect(forwarded('10.0.0.1', '203.0.113.1, unknown, 10.0.0.2')).toBe('10.0.0.2');
    expect(forwarded('10.0.0.1', 'unknown')).toBe('10.0.0.1');
    expect(forwarded('10.0.0.1', '')).toBe('10.0.0.1');
    expect(clients.addressOf(request('10.0.0.1'))).toBe('10.0.0.1');
  });

  it('is plain IPv4 where the socket shows it mapped into IPv6', () => {
    expect(clients.addressOf(request('::ffff:203.0.113.1'))).toBe('203.0.113.1');
    expect(forwarded('::ffff:10.0.0.1', '::ffff:203.0.113.1')).toBe('203.0.113.1');
  });
});

describe('decisions 5: trusted proxies', () => {
  it('are single addresses and networks of both families', () => {
    fc.assert(
      fc.property(proxy, client, (trusted, other) => {
        expect(clients.isTrusted(trusted)).toBe(true);
        expect(clients.isTrusted(other)).toBe(false);
      }),
    );
    for (const text of ['', 'unknown', '10.0.0', '/tmp/socket']) {
      expect(clients.isTrusted(text), text).toBe(false);
    }
  });
});

describe('decisions 5: the origin of a request', () => {
  const claims = { 'x-forwarded-host': 'public.example.com', 'x-forwarded-proto': 'https' };

  it('is the Host header and the scheme of the connection', () => {
    expect(clients.originOf(request('203.0.113.1', { host: 'a:5000' }))).toEqual({
      host: 'a:5000',
      secure: false,
    });
    expect(clients.originOf(request('203.0.113.1', { host: 'a' }, true)).secure).toBe(true);
    // HTTP/1.0 knows no Host.
    expect(clients.originOf(request('203.0.113.1')).host).toBe('localhost');
  });

  it('is what a trusted proxy says, and nobody else', () => {
    const headers = { host: 'inside:5000', ...claims };
    expect(clients.originOf(request('10.0.0.1', headers))).toEqual({
      host: 'public.example.com',
      secure: true,
    });
    expect(clients.originOf(request('203.0.113.1', headers))).toEqual({
      host: 'inside:5000',
      secure: false,
    });
  });

  it('is what the first of several proxies said', () => {
    const headers = {
      host: 'inside',
      'x-forwarded-host': 'outer.example.com, inner.example.com',
      'x-forwarded-proto': 'http, https',
    };
    expect(clients.originOf(request('10.0.0.1', headers, true))).toEqual({
      host: 'outer.example.com',
      secure: false,
    });
    const empty = { host: 'inside', 'x-forwarded-host': ' ', 'x-forwarded-proto': '' };
    expect(clients.originOf(request('10.0.0.1', empty, true))).toEqual({
      host: 'inside',
      secure: true,
    });
  });
});
