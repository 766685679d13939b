/** Layers as real images have them. */
import { deflateSync, gzipSync } from 'node:zlib';
import { noise, text } from '../../codec/support/content.ts';
import { file, longName, zeros } from '../../codec/tar/support/archive.ts';
import { machineCode, packageFiles, zip } from './contents.ts';

/** The end of an archive. */
export const END = zeros(2);

/** A file, with GNU's long name in front where the path does not fit. */
function entry(path: string, bytes: Uint8Array): Buffer {
  const own = file({ path: path.slice(-100), magic: 'ustar  \0', mode: '0000755\0' }, bytes);
  return path.length > 100 ? Buffer.concat([longName(path), own]) : own;
}

function folder(path: string): Buffer {
  return file({ path, type: '5', mode: '0000755\0' });
}

function symlink(path: string, link: string): Buffer {
  return file({ path, type: '2', link });
}

/** Gathers entries until they have a size. */
function gather(size: number, make: (number: number) => readonly Buffer[]): Buffer[] {
  const entries: Buffer[] = [];
  for (let i = 0, total = 0; total < size; i++) {
    const made = make(i);
    entries.push(...made);
    total += made.reduce((sum, { length }) => sum + length, 0);
  }
  return [...entries, END];
}

/** A tree of Debian: programs, libraries, changelogs that are compressed, many small texts, links. */
export function debian(size: number): Buffer[] {
  return gather(size, (i) => [
    folder(`usr/share/doc/package-${i}/`),
    entry(`usr/share/doc/package-${i}/copyright`, text(1500 + ((i * 37) % 3000), (i % 40) + 1)),
    entry(`usr/share/doc/package-${i}/changelog.Debian.gz`, gzipSync(text(4000, i + 1))),
    entry(`usr/bin/program-${i}`, machineCode(8_000 + ((i * 7919) % 200_000), i)),
    symlink(`usr/lib/libpackage-${i}.so.1`, `libpackage-${i}.so.1.0.${i}`),
    entry(
      `usr/lib/libpackage-${i}.so.1.0.${i}`,
      machineCode(5_000 + ((i * 104_729) % 90_000), i + 3),
    ),
    entry(`var/lib/dpkg/info/package-${i}.md5sums`, text(900, i + 5)),
    entry(`var/lib/dpkg/info/package-${i}.list`, Buffer.alloc(0)),
  ]);
}

const PACKAGES = [
  'commander',
  'pino',
  'zod',
  'lru-cache',
  'yaml',
  'jose',
  'fast-check',
  'typescript',
];

/** What npm installs. */
export async function npm(size: number): Promise<Buffer[]> {
  const files = await packageFiles(PACKAGES, size);
  return [...files.map(({ path, bytes }) => entry(`app/node_modules/${path}`, bytes)), END];
}

/** Archives of Java. */
export async function jars(size: number): Promise<Buffer[]> {
  const files = await packageFiles(['zod', 'fast-check', 'rolldown', 'typescript'], size);
  const jarSize = 40;
  const jars: Buffer[] = [];
  for (let at = 0; at < files.length; at += jarSize) {
    jars.push(entry(`opt/app/lib/library-${at}.jar`, zip(files.slice(at, at + jarSize))));
  }
  return [...jars, END];
}

/** Pictures: nothing repeats in them, but their heads do. */
export function pictures(size: number): Buffer[] {
  const jpeg = Buffer.concat([Buffer.from('ffd8ffe000104a46494600010101', 'hex'), text(600)]);
  return gather(size, (i) => {
    const rows = Buffer.alloc(30_000, noise(64 + (i % 7), i + 1));
    const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), deflateSync(rows)]);
    return [
      entry(
        `srv/photo-${i}.jpg`,
        Buffer.concat([jpeg, noise(20_000 + ((i * 31_337) % 400_000), i + 9)]),
      ),
      entry(`srv/icon-${i}.png`, png),
    ];
  });
}
