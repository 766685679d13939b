/**
 * Settings for skopeo, podman and buildah that depend on nothing under /etc and leave nothing in
 * the user's home: policy, registries, credentials and storage in one temporary folder.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestRegistry } from './registries.ts';

/** A folder of settings. */
export interface ContainersHome {
  /** Policy file that accepts every image; passed as an option. */
  readonly policy: string;
  readonly env: Readonly<Record<string, string>>;
  /** Options of a store of its own, for podman and buildah. */
  readonly storeArgs: readonly string[];
  /** Folder for anything else. */
  readonly folder: string;
}

/** Writes the settings into an existing empty folder. */
export async function makeContainersHome(folder: string): Promise<ContainersHome> {
  const path = (name: string): string => join(folder, name);
  await mkdir(path('tmp'));
  await writeFile(path('policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  await writeFile(path('auth.json'), '{}');
  await writeFile(path('registries.conf'), 'unqualified-search-registries = []\n');
  await writeFile(
    path('containers.conf'),
    // No container is run: the system's networks and their plugins do not matter.
    `[engine]\nevents_logger = "none"\n[network]\nnetwork_config_dir = "${path('networks')}"\n`,
  );
  await writeFile(
    path('storage.conf'),
    `[storage]\ndriver = "vfs"\ngraphroot = "${path('root')}"\nrunroot = "${path('run')}"\n`,
  );
  return {
    policy: path('policy.json'),
    folder,
    env: {
      HOME: folder,
      TMPDIR: path('tmp'),
      XDG_RUNTIME_DIR: path('tmp'),
      CONTAINERS_CONF: path('containers.conf'),
      CONTAINERS_REGISTRIES_CONF: path('registries.conf'),
      CONTAINERS_STORAGE_CONF: path('storage.conf'),
      REGISTRY_AUTH_FILE: path('auth.json'),
    },
    storeArgs: ['--root', path('root'), '--runroot', path('run'), '--storage-driver', 'vfs'],
  };
}

/**
 * Options that tell podman and buildah, and with a prefix skopeo copy, how to reach a registry.
 * @param prefix - `src-` or `dest-`
 */
export function tlsArgs(registry: TestRegistry, prefix = ''): string[] {
  return registry.certDir === undefined
    ? [`--${prefix}tls-verify=false`]
    : [`--${prefix}cert-dir`, registry.certDir];
}
