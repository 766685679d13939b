/** Builds archives block by block, also such as no program writes. */

/** Fields of a header block; what is left out is empty, and the checksum is right. */
export interface Fields {
  readonly path?: string;
  readonly type?: string;
  readonly size?: number;
  readonly mode?: string;
  readonly uid?: string;
  readonly mtime?: string;
  readonly link?: string;
  readonly magic?: 'ustar\u000000' | 'ustar  \0' | '';
  readonly user?: string;
  readonly prefix?: string;
  /** Bytes at any place, set before the checksum is taken. */
  readonly raw?: readonly (readonly [at: number, bytes: Uint8Array | string])[];
  readonly checksum?: 'unsigned' | 'signed' | 'wrong';
}

const BLOCK = 512;

/** Fills up to whole blocks. */
export function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]);
}

/** `count` blocks of zeros. */
export function zeros(count: number): Buffer {
  return Buffer.alloc(count * BLOCK);
}

/** One header block. */
export function headerBlock(fields: Fields): Buffer {
  const block = Buffer.alloc(BLOCK);
  const write = (at: number, value: string | Uint8Array): void => {
    block.set(typeof value === 'string' ? Buffer.from(value, 'latin1') : value, at);
  };
  write(0, Buffer.from(fields.path ?? 'file'));
  write(100, fields.mode ?? '0000644\0');
  write(108, fields.uid ?? '0000000\0');
  write(116, '0000000\0');
  write(124, `${(fields.size ?? 0).toString(8).padStart(11, '0')}\0`);
  write(136, fields.mtime ?? '00000000000\0');
  write(156, fields.type ?? '0');
  write(157, Buffer.from(fields.link ?? ''));
  write(257, fields.magic ?? 'ustar\u000000');
  write(265, fields.user ?? '');
  write(345, fields.prefix ?? '');
  for (const [at, bytes] of fields.raw ?? []) write(at, bytes);
  block.fill(' ', 148, 156);
  const bytes = fields.checksum === 'signed' ? new Int8Array(block) : block;
  let sum = 0;
  for (const byte of bytes) sum += byte;
  if (fields.checksum === 'wrong') sum++;
  write(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** A header and its body, filled up to whole blocks. */
export function file(fields: Fields, body: Uint8Array | string = ''): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([headerBlock({ size: bytes.length, ...fields }), padded(bytes)]);
}

/** A record of an extended header with its length. */
function paxRecord(keyword: string, value: Uint8Array | string): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${keyword}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** An extended header, for one entry (`x`) or for all that follow (`g`). */
export function pax(
  records: readonly (readonly [keyword: string, value: Uint8Array | string])[],
  type: 'x' | 'g' = 'x',
): Buffer {
  return file({ path: 'pax', type }, Buffer.concat(records.map((record) => paxRecord(...record))));
}

/** GNU's long name (`L`) or link (`K`). */
export function longName(name: string, type: 'L' | 'K' = 'L'): Buffer {
  return file({ path: '././@LongLink', type, magic: 'ustar  \0' }, `${name}\0`);
}
