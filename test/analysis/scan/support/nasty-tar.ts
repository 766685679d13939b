/** Blocks of tars that no program would write: every field can be said. */
import { paddingOf } from '../../../../src/codec/tar/header.ts';

/** A header block and a body. */
export interface NastyEntry {
  readonly name: string | Buffer;
  readonly type?: string;
  readonly body?: Uint8Array;
  /** As it stands in the field; default: the length of the body. */
  readonly size?: number;
  readonly link?: string | Buffer;
  readonly mode?: number;
  readonly badChecksum?: boolean;
}

/** One entry. */
export function nastyEntry(entry: NastyEntry): Buffer {
  const { name, type = '0', body = new Uint8Array(0), link = '', mode = 0o644 } = entry;
  const block = Buffer.alloc(512);
  Buffer.from(name as string).copy(block, 0, 0, 100);
  block.write(`${mode.toString(8).padStart(7, '0')}\0`, 100, 'latin1');
  block.write('0001750\0', 108, 'latin1');
  block.write('0000144\0', 116, 'latin1');
  block.write((entry.size ?? body.length).toString(8).padStart(11, '0'), 124, 'latin1');
  block.write('14000000000', 136, 'latin1');
  block.write(type, 156, 'latin1');
  Buffer.from(link as string).copy(block, 157, 0, 100);
  block.write('ustar\x0000', 257, 'latin1');
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0) + (entry.badChecksum ? 1 : 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([block, body, Buffer.alloc(paddingOf(body.length))]);
}

/** An archive of entries with its end. */
export function nastyTar(...entries: readonly NastyEntry[]): Buffer {
  return Buffer.concat([...entries.map(nastyEntry), Buffer.alloc(1024)]);
}

/** A pax header for the entry after it. */
export function paxHeader(records: Readonly<Record<string, string>>): NastyEntry {
  const lines = Object.entries(records).map(([keyword, value]) => {
    const rest = Buffer.byteLength(` ${keyword}=${value}\n`);
    let length = rest;
    while (String(length).length + rest !== length) length = String(length).length + rest;
    return `${length} ${keyword}=${value}\n`;
  });
  return { name: 'pax', type: 'x', body: Buffer.from(lines.join('')) };
}

/** Many empty files `d/0`, `d/1` and so on, without an end; made quickly. */
export function emptyFiles(count: number): Buffer {
  const first = nastyEntry({ name: 'd/' });
  const sum = Number.parseInt(first.toString('latin1', 148, 154), 8);
  const all = Buffer.alloc(512 * count);
  for (let i = 0; i < count; i++) {
    const at = 512 * i;
    const digits = String(i);
    first.copy(all, at);
    all.write(digits, at + 2, 'latin1');
    let more = sum;
    for (let j = 0; j < digits.length; j++) more += digits.charCodeAt(j);
    all.write(more.toString(8).padStart(6, '0'), at + 148, 'latin1');
  }
  return all;
}
