/** Registries that somebody else started, given by URL and process id. */
import { readFile } from 'node:fs/promises';
import { waitUntilServing } from './launch.ts';
import type { Target } from './types.ts';

/** A peer as named on the command line. */
export interface Peer {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** Its data directory, for counting the files it keeps. */
  readonly data?: string | undefined;
  /** File with the PEM of its certificate's authority. */
  readonly ca?: string | undefined;
}

/**
 * Parses `name=URL,pid=N[,data=FOLDER][,ca=FILE]`.
 * @throws Error with the form expected
 */
export function parsePeer(text: string): Peer {
  const separator = text.indexOf('=');
  const [url, ...rest] = text.slice(separator + 1).split(',');
  const settings = new Map(
    rest.map((part) => {
      const at = part.indexOf('=');
      return [part.slice(0, at), part.slice(at + 1)] as const;
    }),
  );
  const pid = Number(settings.get('pid'));
  if (separator < 1 || !url || !URL.canParse(url) || !Number.isInteger(pid)) {
    throw new Error(`--peer wants name=URL,pid=N[,data=FOLDER][,ca=FILE], not ${text}`);
  }
  return {
    name: text.slice(0, separator),
    url: url.replace(/\/$/, ''),
    pid,
    data: settings.get('data'),
    ca: settings.get('ca'),
  };
}

/** Takes a running registry into the run; it is never stopped. */
export async function joinPeer(peer: Peer): Promise<Target> {
  const ca = peer.ca === undefined ? undefined : await readFile(peer.ca, 'utf8');
  const endpoint = { url: peer.url, ca };
  await waitUntilServing(endpoint, peer.name);
  return {
    name: peer.name,
    description: `process ${peer.pid} at ${peer.url}`,
    scheme: peer.url.startsWith('https:') ? 'https' : 'http',
    endpoint,
    pid: peer.pid,
    dataDir: peer.data,
    authorization: async () => undefined,
    errors: () => '',
    stop: async () => undefined,
  };
}
