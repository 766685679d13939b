/** Command-line options that the sub-commands share. */
import { type Peer, parsePeer } from '../servers/peer.ts';
import { OWN_SERVERS } from '../servers/roster.ts';

/** Name of a server that a run can start. */
export type ServerName = (typeof OWN_SERVERS)[number];

/** parseArgs() options that every sub-command takes. */
export const COMMON_OPTIONS = {
  quick: { type: 'boolean', default: false },
  peer: { type: 'string', multiple: true },
  servers: { type: 'string' },
  folder: { type: 'string' },
  json: { type: 'string' },
  report: { type: 'string' },
} as const;

/** Splits a list at its commas. */
export function listOf(text: string): string[] {
  return text.split(',').filter((part) => part !== '');
}

/** A whole number of at least 1. @throws Error that names the option */
export function countOf(text: string, option: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${option} wants a whole number of at least 1, not ${text}`);
}

/** The servers of a list, or those given as default. @throws Error with the names there are */
export function serversOf(
  text: string | undefined,
  fallback: readonly ServerName[],
): readonly ServerName[] {
  if (text === undefined) return fallback;
  return listOf(text).map((name) => {
    const known = OWN_SERVERS.find((server) => server === name);
    if (known === undefined) {
      throw new Error(`no server ${name}; there are ${OWN_SERVERS.join(', ')}`);
    }
    return known;
  });
}

/** Peers of repeated `--peer` options. */
export function peersOf(texts: readonly string[] = []): readonly Peer[] {
  return texts.map(parsePeer);
}
