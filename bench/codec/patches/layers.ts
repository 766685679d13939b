/** Layers to measure: trees of npm packages, packed and compressed as builders do. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { run } from '../../../test/support/run.ts';

const MODULES = resolve(import.meta.dirname, '../../../node_modules');
const MIB = 1024 * 1024;
/** Larger packages hold programs in machine code. */
const MAX_PACKAGE = 6 * MIB;

/** A tree that is packed: names of files below the folder of packages, and options of tar. */
interface Tree {
  readonly files: readonly string[];
  readonly options: readonly string[];
}

/** A layer, and a later one that shares files with it. */
export interface Pair {
  readonly name: string;
  readonly first: Buffer;
  readonly later: Buffer;
}

interface Package {
  readonly name: string;
  readonly files: readonly string[];
}

/** All packages that are no larger than {@link MAX_PACKAGE}, files in the order of their names. */
function listPackages(): Package[] {
  const packages: Package[] = [];
  const names = readdirSync(MODULES)
    .filter((name) => !name.startsWith('.'))
    .sort();
  for (const name of names) {
    const entries = readdirSync(join(MODULES, name), { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    const size = files.reduce((total, path) => total + readFileSync(path).length, 0);
    if (size <= MAX_PACKAGE) {
      packages.push({ name, files: files.map((path) => path.slice(MODULES.length + 1)) });
    }
  }
  return packages;
}

async function pack(folder: string, name: string, { files, options }: Tree): Promise<Buffer> {
  const list = join(folder, `${name}.list`);
  const archive = join(folder, `${name}.tar`);
  writeFileSync(list, files.join('\n'));
  await run('tar', ['-cf', archive, '-C', MODULES, ...options, '--no-recursion', '-T', list]);
  return readFileSync(archive);
}

const filesOf = (packages: readonly Package[]): string[] => packages.flatMap(({ files }) => files);
const byHash = (text: string): string => createHash('md5').update(text).digest('hex');

/** Makes the pairs in a folder. */
export async function makePairs(folder: string): Promise<Pair[]> {
  mkdirSync(folder, { recursive: true });
  const all = listPackages();
  const early = ['--mtime=@1600000000', '--owner=root:0', '--group=root:0'];
  const late = ['--mtime=@1700000000', '--owner=app:1000', '--group=app:1000'];
  const some = all.filter((_, i) => i % 4 !== 0);
  const others = all.filter((_, i) => i % 4 !== 1);
  const shuffled = filesOf(all).sort((a, b) => (byHash(a) < byHash(b) ? -1 : 1));
  const shuffledPackages = [...all].sort((a, b) => (byHash(a.name) < byHash(b.name) ? -1 : 1));
  const first = await pack(folder, 'first', { files: filesOf(all), options: early });
  const later = async (name: string, files: readonly string[]): Promise<Pair> => ({
    name,
    first,
    later: await pack(folder, 'later', { files, options: late }),
  });
  return [
    await later('other times and owners', filesOf(all)),
    {
      ...(await later('other packages between', filesOf(others))),
      first: await pack(folder, 'some', { files: filesOf(some), options: early }),
    },
    await later('packages in another order', filesOf(shuffledPackages)),
    await later('files in another order', shuffled),
  ];
}

/** A compressor. */
export interface Compressor {
  readonly name: string;
  compress(tar: Buffer): Buffer;
}

const GO_SOURCE = `package main

import (
	"compress/gzip"
	"io"
	"os"
	"strconv"
)

func main() {
	level, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	writer, err := gzip.NewWriterLevel(os.Stdout, level)
	if err != nil {
		panic(err)
	}
	if _, err := io.Copy(writer, os.Stdin); err != nil {
		panic(err)
	}
	if err := writer.Close(); err != nil {
		panic(err)
	}
}
`;

/** Compressors of Go, of which most builders are made; none where there is no Go. */
function goCompressors(folder: string): Compressor[] {
  const source = join(folder, 'gzip.go');
  const program = join(folder, 'gzip');
  writeFileSync(source, GO_SOURCE);
  try {
    execFileSync('go', ['build', '-o', program, source], { stdio: 'pipe' });
  } catch {
    console.error('no Go: its compressors are left out');
    return [];
  }
  return [1, 6].map((level) => ({
    name: `Go ${level}`,
    compress: (tar) =>
      execFileSync(program, [String(level)], { input: tar, maxBuffer: 2 * tar.length + MIB }),
  }));
}

/** The compressors at hand. */
export function findCompressors(folder: string): Compressor[] {
  const zlib = [1, 6, 9].map((level) => ({
    name: `zlib ${level}`,
    compress: (tar: Buffer) => gzipSync(tar, { level }),
  }));
  return [...goCompressors(folder), ...zlib];
}
