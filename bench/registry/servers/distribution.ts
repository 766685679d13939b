/**
 * The two generations of the reference registry: Debian's package `docker-registry` (2.8) and
 * distribution 3.1, a Go module. They share the format of their configuration.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, launch, waitUntilServing } from './launch.ts';
import type { StartContext, Target } from './types.ts';

const run = promisify(execFile);

const MODULE = 'github.com/distribution/distribution/v3/cmd/registry';
const VERSION = 'v3.1.1';

/** A registry program of this family that is ready to be started. */
export interface DistributionProgram {
  readonly name: 'docker-registry' | 'distribution';
  readonly path: string;
  readonly description: string;
}

async function found(program: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    const path = join(folder, program);
    try {
      await access(path);
      return path;
    } catch {}
  }
  return undefined;
}

/** Debian's registry, or undefined when the package is not installed. */
export async function findDebianRegistry(): Promise<DistributionProgram | undefined> {
  const path = await found('docker-registry');
  if (path === undefined) return undefined;
  const { stdout } = await run(path, ['--version']);
  return { name: 'docker-registry', path, description: stdout.trim() };
}

/**
 * distribution 3.1, built by `go install` at a fixed version into the user's cache folder when it is
 * not there yet. Undefined when there is no Go.
 * @throws Error with the compiler's output when the build fails
 */
export async function findDistribution(): Promise<DistributionProgram | undefined> {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const folder = join(cache, 'stowage-bench', `distribution-${VERSION}`);
  const program: DistributionProgram = {
    name: 'distribution',
    path: join(folder, 'registry'),
    description: `${MODULE}@${VERSION}`,
  };
  try {
    await access(program.path);
    return program;
  } catch {}
  const go = await found('go');
  if (go === undefined) return undefined;
  await mkdir(folder, { recursive: true });
  process.stderr.write(`building ${MODULE}@${VERSION}; this takes some minutes once\n`);
  await run(go, ['install', `${MODULE}@${VERSION}`], {
    env: { ...process.env, GOBIN: folder, GOFLAGS: '' },
  });
  return program;
}

function configuration(port: number, { folder, certificate }: StartContext): string {
  return JSON.stringify({
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(folder, 'data') },
      cache: { blobdescriptor: 'inmemory' },
      delete: { enabled: true },
    },
    http: {
      addr: `127.0.0.1:${port}`,
      ...(certificate === undefined
        ? {}
        : { tls: { certificate: certificate.certFile, key: certificate.keyFile } }),
    },
  });
}

/** Starts a registry of this family: filesystem store, deletes on, access log off. */
export async function startDistribution(
  program: DistributionProgram,
  context: StartContext,
): Promise<Target> {
  const port = await freePort();
  const file = join(context.folder, 'config.yml');
  // JSON is YAML.
  await writeFile(file, configuration(port, context));
  const scheme = context.certificate === undefined ? 'http' : 'https';
  const endpoint = { url: `${scheme}://127.0.0.1:${port}`, ca: context.certificate?.cert };
  // Version 3 would try to send traces to port 4318 of this host.
  const server = launch(program.path, ['serve', file], { OTEL_TRACES_EXPORTER: 'none' });
  await waitUntilServing(endpoint, program.name);
  return {
    name: program.name,
    description: program.description,
    scheme,
    endpoint,
    pid: server.pid,
    dataDir: join(context.folder, 'data'),
    authorization: async () => undefined,
    errors: () => '',
    stop: server.stop,
  };
}
