/** A tar of real files, and gzip files of it by several compressors. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildGo, buildGoGunzip, goVersion } from './go.ts';

/** What is measured on. */
export interface Files {
  readonly tar: Buffer;
  /** Name of the compressor and its level, and the path of the file. */
  readonly compressed: readonly { readonly name: string; readonly path: string }[];
  /** Program that decompresses as Go does; undefined without Go. */
  readonly goGunzip: string | undefined;
  /** `go version`, or that there is none. */
  readonly goVersion: string;
  remove(): Promise<void>;
}

function readHead(path: string, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  const file = openSync(path, 'r');
  try {
    let length = 0;
    while (length < size) {
      const count = readSync(file, bytes, length, size - length, null);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/** What a program without arguments of its own prints, with a file as its input. */
function filter(program: string, args: readonly string[], input: string, output: string): void {
  const from = openSync(input, 'r');
  const to = openSync(output, 'w');
  try {
    execFileSync(program, args, { stdio: [from, to, 'inherit'] });
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

/**
 * Makes everything in a temporary folder.
 * @param folder - whose files the tar holds, sorted by name
 * @param size - most bytes of the tar
 */
export async function makeFiles(folder: string, size: number): Promise<Files> {
  const work = await mkdtemp(join(tmpdir(), 'stowage-bench-codec-'));
  const tarPath = join(work, 'layer.tar');
  execFileSync('tar', ['--sort=name', '-cf', tarPath, '-C', folder, '.']);
  const tar = readHead(tarPath, size);
  execFileSync('truncate', ['-s', `${tar.length}`, tarPath]);
  const compressed: { name: string; path: string }[] = [];
  const add = (name: string, make: (path: string) => void): void => {
    const path = join(work, `${name.replaceAll(' ', '-')}.gz`);
    make(path);
    compressed.push({ name, path });
  };
  add('gzip 6', (path) => filter('gzip', ['-6', '-n'], tarPath, path));
  const compress = buildGo('test/codec/support/go', join(work, 'compress'));
  if (compress !== undefined) {
    add('Go 6', (path) => filter(compress, ['gzip', '6'], tarPath, path));
    add('Go 1', (path) => filter(compress, ['gzip', '1'], tarPath, path));
    add('pgzip 5', (path) => filter(compress, ['pgzip', '5'], tarPath, path));
  }
  return {
    tar,
    compressed,
    goGunzip: buildGoGunzip(work),
    goVersion: goVersion(),
    remove: () => rm(work, { recursive: true, force: true }),
  };
}
