/** Which servers take part in a run, and their start and end. */
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../../test/support/certificate.ts';
import {
  type DistributionProgram,
  findDebianRegistry,
  findDistribution,
  startDistribution,
} from './distribution.ts';
import { startFloor } from './floor.ts';
import { joinPeer, type Peer } from './peer.ts';
import { type StowageOptions, startStowage } from './stowage.ts';
import type { Certificate, Scheme, Target } from './types.ts';

/** Servers that a run starts itself. `stowage+token` is Stowage with bearer tokens. */
export const OWN_SERVERS = [
  'floor',
  'stowage',
  'stowage+token',
  'docker-registry',
  'distribution',
] as const;

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** Exit status of a program that was interrupted. */
const INTERRUPTED = 130;

/** Which servers to start. */
export interface RosterOptions {
  readonly servers: readonly (typeof OWN_SERVERS)[number][];
  readonly peers: readonly Peer[];
  readonly schemes: readonly Scheme[];
  /** Where data goes; default: the system's temporary directory. */
  readonly folder?: string | undefined;
  /** Settings of Stowage by environment, `STOWAGE_...`; default: its own defaults. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The running servers of a run. */
export interface Roster {
  readonly targets: readonly Target[];
  /** Folder of everything the run writes; gone after `close`. */
  readonly folder: string;
  /**
   * Stops a server that this run started, and starts it anew on its data.
   * @param whileDown - done in between
   * @returns what stands for it from now on, in `targets` as well
   */
  restart(target: Target, whileDown?: () => Promise<void>): Promise<Target>;
  /** Stops what was started and removes its data. */
  close(): Promise<void>;
}

type Start = (context: StowageOptions) => Promise<Target>;

function fromProgram(find: () => Promise<DistributionProgram | undefined>): Starter {
  return async () => {
    const program = await find();
    return program && ((context) => startDistribution(program, context));
  };
}

/** Finds out whether a server can be started here; undefined when it cannot. */
type Starter = () => Promise<Start | undefined>;

const STARTERS: Record<(typeof OWN_SERVERS)[number], Starter> = {
  floor: async () => startFloor,
  stowage: async () => startStowage,
  'stowage+token': async () => (context) => startStowage({ ...context, token: true }),
  'docker-registry': fromProgram(findDebianRegistry),
  distribution: fromProgram(findDistribution),
};

async function writeCertificate(folder: string): Promise<Certificate> {
  const { cert, key } = makeCertificate();
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  await writeFile(certFile, cert);
  await writeFile(keyFile, key, { mode: 0o600 });
  return { cert, certFile, keyFile };
}

/**
 * Starts all servers of a run, each with an empty store. A registry whose program is not installed
 * is left out with a word on standard error.
 * @throws Error when one does not start; those already running are stopped
 */
export async function startRoster(options: RosterOptions): Promise<Roster> {
  const parent = options.folder ?? tmpdir();
  await access(parent);
  const folder = await mkdtemp(join(parent, 'stowage-bench-'));
  const targets: Target[] = [];
  const starts = new Map<Target, () => Promise<Target>>();
  const launch = async (start: () => Promise<Target>): Promise<Target> => {
    const target = await start();
    starts.set(target, start);
    return target;
  };
  const restart: Roster['restart'] = async (target, whileDown) => {
    const start = starts.get(target);
    if (start === undefined) throw new Error(`${target.name} was not started by this run`);
    await target.stop();
    starts.delete(target);
    await whileDown?.();
    const fresh = await launch(start);
    targets[targets.indexOf(target)] = fresh;
    return fresh;
  };
  const close = async (): Promise<void> => {
    for (const signal of SIGNALS) process.removeListener(signal, interrupt);
    await Promise.allSettled(targets.map((target) => target.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  const interrupt = (): void => {
    close().finally(() => process.exit(INTERRUPTED));
  };
  for (const signal of SIGNALS) process.once(signal, interrupt);
  try {
    const certificate = await writeCertificate(folder);
    for (const name of options.servers) {
      const start = await STARTERS[name]();
      if (start === undefined) {
        process.stderr.write(`${name} is not installed and left out\n`);
        continue;
      }
      for (const scheme of options.schemes) {
        // The price of a token is asked for over plain HTTP only.
        if (name === 'stowage+token' && scheme === 'https') continue;
        const own = join(folder, `${name}-${scheme}`);
        await mkdir(own);
        const context = {
          folder: own,
          certificate: scheme === 'https' ? certificate : undefined,
          env: options.env ?? {},
        };
        targets.push(await launch(() => start(context)));
      }
    }
    for (const peer of options.peers) targets.push(await joinPeer(peer));
    return { targets, folder, restart, close };
  } catch (error) {
    await close();
    throw error;
  }
}
