/** Who is asking, and under which address they know this server, also behind trusted proxies. */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Origin } from '../auth/types.ts';

/** Finds addresses of clients. */
export interface ClientAddresses {
  /** Whether the other end of a connection is a trusted proxy. */
  isTrusted(address: string): boolean;
  /** Address of the client, from X-Forwarded-For when the connection comes from a trusted proxy. */
  addressOf(req: IncomingMessage): string;
  /** Host and scheme that the client used, from X-Forwarded-Host and -Proto likewise. */
  originOf(req: IncomingMessage): Origin;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** IPv4 clients of a socket that listens on IPv6 too come as `::ffff:192.0.2.1`. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function isPort(text: string): boolean {
  return text.length > 0 && [...text].every((digit) => digit >= '0' && digit <= '9');
}

/**
 * The address of an entry of X-Forwarded-For, to which some proxies add a port: `192.0.2.1:567`,
 * `[2001:db8::1]:567` (as in Forwarded: RFC 7239, 6). What has another form stays as it is, and is no
 * address.
 */
function hopOf(entry: string): string {
  const text = entry.trim();
  const bracket = text.indexOf(']');
  if (text.startsWith('[') && bracket > 0) {
    const rest = text.slice(bracket + 1);
    return rest === '' || (rest[0] === ':' && isPort(rest.slice(1)))
      ? text.slice(1, bracket)
      : text;
  }
  const colon = text.indexOf(':');
  const isOnly = colon > 0 && colon === text.lastIndexOf(':');
  return isOnly && isPort(text.slice(colon + 1)) ? text.slice(0, colon) : text;
}

function toBlockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    if (prefix === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(prefix), familyOf(address));
  }
  return list;
}

function firstOf(header: string | string[] | undefined): string | undefined {
  const text = typeof header === 'string' ? header : header?.[0];
  return text?.split(',')[0]?.trim() || undefined;
}

/** @param trustedProxies - addresses and networks whose X-Forwarded-* headers are believed */
export function createClientAddresses(trustedProxies: readonly string[]): ClientAddresses {
  const trusted = toBlockList(trustedProxies);
  const isTrustedPlain = (address: string): boolean =>
    trustedProxies.length > 0 && isIP(address) !== 0 && trusted.check(address, familyOf(address));
  const peerOf = (req: IncomingMessage): string => plain(req.socket.remoteAddress ?? '');

  return {
    isTrusted: (address) => isTrustedPlain(plain(address)),
    addressOf(req) {
      let address = peerOf(req);
      if (!isTrustedPlain(address)) return address;
      const header = req.headers['x-forwarded-for'];
      const hops = (typeof header === 'string' ? header : (header ?? []).join(',')).split(',');
      // From the right: each proxy appends the address that it saw; the first untrusted one counts.
      for (let i = hops.length - 1; i >= 0; i--) {
        const hop = plain(hopOf(hops[i]!));
        if (isIP(hop) === 0) return address;
        address = hop;
        if (!isTrustedPlain(hop)) return address;
      }
      return address;
    },
    originOf(req) {
      const secure = (req.socket as TLSSocket).encrypted === true;
      const host = req.headers.host ?? 'localhost';
      if (!isTrustedPlain(peerOf(req))) return { host, secure };
      const scheme = firstOf(req.headers['x-forwarded-proto']);
      return {
        host: firstOf(req.headers['x-forwarded-host']) ?? host,
        secure: scheme === undefined ? secure : scheme === 'https',
      };
    },
  };
}
