/** Addresses to listen on, and the question whether others can reach them. */
import { BlockList, isIP } from 'node:net';

/** Where a server listens. */
export interface ListenAddress {
  /** Name or IP address, IPv6 without brackets. */
  readonly host: string;
  /** TCP port; 0 lets the system choose. */
  readonly port: number;
}

const MAX_PORT = 65_535;
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})$/;

/**
 * Reads `HOST:PORT`, `[IPV6]:PORT` or `:PORT` (every interface); undefined when the text is none of
 * these.
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const colon = text.lastIndexOf(':');
  const digits = text.slice(colon + 1);
  if (colon < 0 || !/^\d{1,5}$/.test(digits) || Number(digits) > MAX_PORT) return undefined;
  const port = Number(digits);
  const host = text.slice(0, colon);
  if (host === '') return { host: '0.0.0.0', port };
  if (host.startsWith('[') && host.endsWith(']')) {
    const inner = host.slice(1, -1);
    return isIP(inner) === 6 ? { host: inner, port } : undefined;
  }
  // All digits and dots is an IPv4 address that went wrong, not a name.
  if (/^[\d.]+$/.test(host) && isIP(host) !== 4) return undefined;
  return HOST_NAME.test(host) ? { host, port } : undefined;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** True when only programs on the same machine can connect to a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** True for an IP address or a network in CIDR notation such as `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 6 ? 128 : 32);
}
