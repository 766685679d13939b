/** Options of the commands that read images from sources. */
import { buffer } from 'node:stream/consumers';
import { type Command, InvalidArgumentError } from 'commander';
import type { OpenOptions } from '../../analysis/sources/open.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';

/** What {@link withSources} adds. */
export interface SourceOptions {
  readonly platform?: string;
  readonly plainHttp?: true;
  readonly username?: string;
  readonly passwordStdin?: true;
  readonly untagged?: true;
  readonly repo?: readonly string[];
  readonly tag?: readonly string[];
  readonly maxTags?: number;
  readonly sample?: number;
  readonly seed?: number;
  readonly byPulls?: true;
  readonly maxRequests?: number;
  readonly maxPulls?: number;
  readonly hubUrl?: string;
  readonly hubRegistryUrl?: string;
}

/** What sources are called, for `--help`. */
export const SOURCES_HELP = `
Sources:
  PATH                       OCI layout, docker-archive, OCI archive, a layer as tar, or the data
                             directory of a Stowage that does not run
  oci:PATH:NAME              one image of an OCI layout; likewise oci-archive:, docker-archive:,
                             stowage: (a data directory)
  http://HOST, https://HOST  a registry, all of its catalogue
  docker://HOST/NAME[:TAG]   one repository or image of a registry
  docker-hub:QUERY           a sample of what Docker Hub finds`;

/** Reads a whole number from 1 on. */
export function parseCount(text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count < 1) throw new InvalidArgumentError('it has to be a number from 1 on');
  return count;
}

/** Adds the options of {@link SourceOptions}. */
export function withSources(command: Command): Command {
  return command
    .option(
      '--platform <os/arch>',
      'images for this platform; default: all, of Docker Hub linux/amd64',
    )
    .option('--plain-http', 'HTTP without TLS, to other machines too')
    .option('-u, --username <name>', 'for the registry; default: what docker login has left behind')
    .option('--password-stdin', 'read the password from standard input')
    .option('--untagged', 'of data directories: images without tags as well');
}

/** Adds those of its options that choose among many images. */
export function withSelection(command: Command): Command {
  return command
    .option('-r, --repo <glob...>', 'repositories, where a source does not name one; default: all')
    .option(
      '-t, --tag <glob...>',
      'tags, where a source does not name one; default: all, of Docker Hub latest',
    )
    .option('--max-tags <count>', 'tags of each repository at most', parseCount)
    .option('--sample <count>', 'names of a sample of Docker Hub; default: 100', parseCount)
    .option('--seed <number>', 'another sample; default: 1', parseCount)
    .option('--by-pulls', 'as many names from each power of ten of pull counts')
    .option('--max-requests <count>', 'requests to registries at most, layers apart', parseCount)
    .option('--max-pulls <count>', 'manifests at most, which registries count as pulls', parseCount)
    .option('--hub-url <url>', 'where Docker Hub is; default: where it is')
    .option('--hub-registry-url <url>', 'where the registry of Docker Hub is');
}

async function loginOf(options: SourceOptions, terminal: Terminal): Promise<OpenOptions['login']> {
  const { username, passwordStdin } = options;
  if (username === undefined) return undefined;
  if (passwordStdin !== true) {
    throw new CliError('--username needs a password', EXIT.usage, 'pipe it in: --password-stdin');
  }
  const password = (await buffer(terminal.input)).toString('utf8').replace(/\r?\n$/, '');
  return { credentials: { username, password }, note: undefined };
}

/**
 * Options as sources are opened with them.
 * @param folder - for journals of crawls
 */
export async function toOpenOptions(
  options: SourceOptions,
  terminal: Terminal,
  folder: string,
): Promise<OpenOptions> {
  const { platform, plainHttp, untagged, repo, tag, maxTags, sample, seed, byPulls } = options;
  return {
    folder,
    platform,
    plainHttp,
    untagged,
    maxTags,
    repositories: repo,
    tags: tag,
    login: await loginOf(options, terminal),
    sample: {
      ...(sample !== undefined && { size: sample }),
      ...(seed !== undefined && { seed }),
      ...(byPulls && { method: 'by-pulls' as const }),
    },
    budget: { requests: options.maxRequests, pulls: options.maxPulls },
    hubUrl: options.hubUrl,
    hubRegistryUrl: options.hubRegistryUrl,
  };
}
