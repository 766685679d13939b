/** What the files of the layers hold: the same bytes in every run. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';

const MODULES = resolve(import.meta.dirname, '../../../node_modules');

/** Machine code: a stretch of the Node that the lock file names, the same for the same place. */
export function machineCode(size: number, place: number): Buffer {
  const file = openSync(process.execPath, 'r');
  try {
    const bytes = Buffer.alloc(size);
    const room = statSync(process.execPath).size - size;
    readSync(file, bytes, 0, size, (place * 7_340_033) % room);
    return bytes;
  } finally {
    closeSync(file);
  }
}

/** A file of a package, with its path below `node_modules`. */
export interface PackageFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** Files of installed packages in the order of their paths, until they have a size. */
export async function packageFiles(
  packages: readonly string[],
  size: number,
): Promise<PackageFile[]> {
  const files: PackageFile[] = [];
  let left = size;
  for (const name of packages) {
    const found = await readdir(join(MODULES, name), { recursive: true, withFileTypes: true });
    const paths = found
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    for (const path of paths.sort()) {
      if (left <= 0) return files;
      const bytes = await readFile(path);
      files.push({ path: path.slice(MODULES.length + 1), bytes });
      left -= bytes.length;
    }
  }
  return files;
}

/** A zip archive (APPNOTE 4.3), as which Java keeps classes: each second file is compressed. */
export function zip(files: readonly PackageFile[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [i, { path, bytes }] of files.entries()) {
    const isDeflated = i % 2 === 0;
    const data = isDeflated ? deflateRawSync(bytes) : bytes;
    const name = Buffer.from(path);
    // Version, flags, method, time, date, checksum, sizes, length of the name: alike in both places.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(isDeflated ? 8 : 0, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    parts.push(Buffer.from('PK\u0003\u0004', 'latin1'), common, name, data);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    directory.push(Buffer.from('PK\u0001\u0002\u0014\0', 'latin1'), common, rest, name);
    at += 30 + name.length + data.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006', 'latin1');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, entries, end]);
}
