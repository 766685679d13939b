/** What a tar archive says about one file. */

/** What an entry is. `other` is a type that this reader does not know; it is kept like a file. */
export type TarEntryType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'hardlink'
  | 'character-device'
  | 'block-device'
  | 'fifo'
  | 'other';

/**
 * How a layer says that something of the layers below is gone (OCI image specification, "Layer
 * Filesystem Changeset"): `file` hides one entry, `opaque` all of a directory. `metadata` is what
 * AUFS kept for itself under the same prefix; engines pass over it.
 */
export type Whiteout = 'file' | 'opaque' | 'metadata';

/** A dialect of tar: the header block of Unix V7, of POSIX (pax as well), of GNU tar, of star. */
export type TarFormat = 'v7' | 'ustar' | 'gnu' | 'star';

/** A moment. Two numbers, because one double does not hold nanoseconds since 1970. */
export interface TarTime {
  /** Since 1970 (UTC); may be negative. */
  readonly seconds: number;
  /** 0 to 999,999,999, to be added. */
  readonly nanoseconds: number;
}

/** A part of a sparse file that is stored; what lies between is zeros. */
export interface SparseExtent {
  /** Where it belongs in the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** One file, directory, link or device of an archive, with everything its headers say. */
export interface TarEntry {
  readonly type: TarEntryType;
  /** The byte of the header that says the type. */
  readonly typeFlag: number;
  readonly format: TarFormat;
  /** The path as it stands in the archive, decoded as UTF-8; what is not UTF-8 becomes U+FFFD. */
  readonly path: string;
  /** The path as it stands in the archive, byte for byte. */
  readonly pathBytes: Uint8Array;
  /** Target of a symbolic or hard link; empty for others. */
  readonly link: string;
  readonly linkBytes: Uint8Array;
  /** Permission bits with set-user-ID, set-group-ID and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Name of the owner; empty when not recorded. */
  readonly user: string;
  readonly group: string;
  readonly mtime: TarTime;
  readonly atime?: TarTime;
  readonly ctime?: TarTime;
  /** Numbers of a device; 0 for others. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Size in bytes of the file when it has been unpacked, holes included. */
  readonly size: number;
  /** Extended attributes by name, for example `security.capability`. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** All pax records in force, those of global headers too, as they stand there. */
  readonly pax: ReadonlyMap<string, Uint8Array>;
  /** Of a sparse file: which parts of it the body holds, one after the other. */
  readonly sparse?: readonly SparseExtent[];
  readonly whiteout?: Whiteout;
  /**
   * Which archive of the stream it belongs to. A new one begins after blocks of zeros or after
   * bytes that are no tar. Container engines unpack archive 0 only.
   */
  readonly archive: number;
  /** Position in the stream of its first header block, extension headers included. */
  readonly headerStart: number;
  /** Position in the stream of its body. */
  readonly bodyStart: number;
  /** Bytes of the body; 0 when there is none. */
  readonly bodySize: number;
}

/** Bytes up to which a text is put together here, in less time than it takes to call the runtime. */
const SHORT = 12;

/** What the bytes of a path, a link or a name say. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes.length <= SHORT) {
    let text = '';
    let at = 0;
    for (; at < bytes.length && bytes[at]! < 0x80; at++) text += String.fromCharCode(bytes[at]!);
    if (at === bytes.length) return text;
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

/** Which kind of whiteout a path is, if any. */
export function whiteoutOf(path: string): Whiteout | undefined {
  const end = path.endsWith('/') ? path.length - 1 : path.length;
  const start = path.lastIndexOf('/', end - 1) + 1;
  if (!path.startsWith('.wh.', start)) return undefined;
  if (!path.startsWith('.wh..wh.', start)) return 'file';
  return path.slice(start, end) === '.wh..wh..opq' ? 'opaque' : 'metadata';
}
