/** A writer of plain ustar archives (POSIX.1-2001, `pax`), for images made by tests. */

/** A folder (path ends with a slash), a symbolic link (`link` is set) or a file. */
export interface TarEntry {
  /** At most 100 bytes, relative. */
  readonly path: string;
  readonly bytes?: Buffer;
  /** Permission bits; default 0644. */
  readonly mode?: number;
  /** Target of a symbolic link. */
  readonly link?: string;
  /** Path of the file that it is a hard link to. */
  readonly hardLink?: string;
}

const BLOCK = 512;
const TIME = 1_700_000_000;

function typeOf({ path, link, hardLink }: TarEntry): string {
  if (hardLink !== undefined) return '1';
  if (link !== undefined) return '2';
  return path.endsWith('/') ? '5' : '0';
}

function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number): void => {
    block.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
  };
  if (Buffer.byteLength(entry.path) > 100) throw new Error(`path too long: ${entry.path}`);
  block.write(entry.path, 0);
  octal(entry.mode ?? 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(TIME, 136, 12);
  block.write(typeOf(entry), 156, 'latin1');
  block.write(entry.link ?? entry.hardLink ?? '', 157);
  block.write('ustar\u000000', 257, 'latin1');
  // The checksum is taken with its own field full of spaces.
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148, 'latin1');
  return block;
}

/** Packs entries in the order given; all times and owners are fixed. */
export function makeTar(entries: readonly TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const bytes = entry.bytes ?? Buffer.alloc(0);
    const padding = Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK);
    parts.push(header(entry, bytes.length), bytes, padding);
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}
