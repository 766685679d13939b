/**
 * Types that a file shows by bytes at fixed places. The numbers are those of the formats' own
 * specifications, as file(1) knows them too.
 */
import { TYPE_NUMBERS as T } from './taxonomy.ts';

/** Whether ASCII or Latin-1 text stands at a place. */
function hasText(head: Uint8Array, at: number, text: string): boolean {
  if (at + text.length > head.length) return false;
  for (let i = 0; i < text.length; i++) if (head[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

function little16(head: Uint8Array, at: number): number {
  return (head[at] ?? 0) | ((head[at + 1] ?? 0) << 8);
}

function little32(head: Uint8Array, at: number): number {
  return (little16(head, at) | (little16(head, at + 2) << 16)) >>> 0;
}

function big32(head: Uint8Array, at: number): number {
  const high = ((head[at] ?? 0) << 8) | (head[at + 1] ?? 0);
  return ((high << 16) | ((head[at + 2] ?? 0) << 8) | (head[at + 3] ?? 0)) >>> 0;
}

/** Whether one of some numbers stands at a place, in either order of bytes. */
function hasOneOf(head: Uint8Array, at: number, values: readonly number[]): boolean {
  if (head.length < at + 4) return false;
  return values.includes(little32(head, at)) || values.includes(big32(head, at));
}

/** What a rule looks at. */
interface Subject {
  readonly head: Uint8Array;
  /** In lower case, without the dot. */
  readonly extension: string;
  /** Bytes of the file. */
  readonly size: number;
}

/** A rule for files that begin with some bytes; gives 0 when it is not what it seemed. */
type Rule = readonly [begin: string, type: number | ((subject: Subject) => number)];

const ELF_TYPES = [T['elf-other'], T['elf-relocatable'], T['elf-executable'], T['elf-shared']];

/** e_type of the header; position-independent executables are shared objects to it, as in file(1). */
function elf({ head }: Subject): number {
  const isBig = head[5] === 2;
  const type = isBig ? (head[16]! << 8) | head[17]! : little16(head, 16);
  return type === 4 ? T['elf-core'] : (ELF_TYPES[type] ?? T['elf-other']);
}

function dos({ head }: Subject): number {
  const at = little32(head, 60);
  return hasText(head, at, 'PE\0\0') ? T.pe : T['dos-executable'];
}

/** Java classes share their magic with Mach-O for several processors, of which there are never many. */
function java({ head }: Subject): number {
  return big32(head, 4) > 30 ? T['java-class'] : T['mach-o'];
}

const OFFICE = /^(docx|xlsx|pptx|odt|ods|odp|odg|epub|dotx|vsdx)$/;
const JAR = /^(jar|war|ear|aar|hpi|jpi)$/;

function zip({ head, extension }: Subject): number {
  if (hasText(head, 30, 'mimetypeapplication/')) return T.office;
  if (hasText(head, 30, '[Content_Types].xml') || OFFICE.test(extension)) return T.office;
  return hasText(head, 30, 'META-INF/') || JAR.test(extension) ? T.jar : T.zip;
}

function ar({ head }: Subject): number {
  return hasText(head, 8, 'debian-binary') ? T['deb-package'] : T.ar;
}

function riff({ head }: Subject): number {
  if (hasText(head, 8, 'WEBP')) return T.webp;
  if (hasText(head, 8, 'WAVE')) return T.audio;
  return hasText(head, 8, 'AVI ') ? T.video : T.data;
}

/** MS Windows icons and cursors: a count of pictures, each with a reserved byte of 0. */
function icon({ head }: Subject): number {
  const count = little16(head, 4);
  return count > 0 && count < 256 && head[9] === 0 ? T.icon : 0;
}

function bitmap({ head }: Subject): number {
  const header = little32(head, 14);
  return header >= 12 && header <= 124 && little32(head, 6) === 0 ? T.bmp : 0;
}

function truetype({ head }: Subject): number {
  const tables = (head[4]! << 8) | head[5]!;
  return tables > 0 && tables < 64 ? T.font : 0;
}

function bzip2({ head }: Subject): number {
  return head[3]! >= 0x31 && head[3]! <= 0x39 ? T.bzip2 : 0;
}

function dbase({ head, extension }: Subject): number {
  return extension === 'dbf' && head[2]! <= 12 && head[3]! <= 31 ? T.dbase : 0;
}

function coff({ head, size }: Subject): number {
  const sections = little16(head, 2);
  const symbols = little32(head, 8);
  const isLikely = sections > 0 && sections < 1000 && symbols < size && little16(head, 16) === 0;
  return isLikely ? T.coff : 0;
}

/** Old Linux terminfo: sizes of its parts follow, of which that of the names is small. */
function terminfo({ head }: Subject): number {
  const names = little16(head, 2);
  return names > 0 && names < 256 && little16(head, 4) < 256 ? T.terminfo : 0;
}

/** What every format begins with; longer ones before shorter ones with the same begin. */
const RULES: readonly Rule[] = [
  ['\x7fELF', elf],
  ['MZ', dos],
  ['\xca\xfe\xba\xbe', java],
  ['\xfe\xed\xfa\xce', T['mach-o']],
  ['\xfe\xed\xfa\xcf', T['mach-o']],
  ['\xce\xfa\xed\xfe', T['mach-o']],
  ['\xcf\xfa\xed\xfe', T['mach-o']],
  ['\xfe\xed\xfe\xed', T['java-keystore']],
  ['\xac\xed\x00\x05', T['java-serialization']],
  ['\x4c\x01', coff],
  ['\x64\x86', coff],
  ['\x64\xaa', coff],
  ['dex\n', T['android-dex']],
  ['\0asm', T.wasm],
  ['\x1a\x01', terminfo],
  ['\x1e\x02', terminfo],
  [';ELC', T['emacs-bytecode']],
  ['\x1bLua', T['lua-bytecode']],
  ['\x1bLJ', T['lua-bytecode']],
  ['BC\xc0\xde', T['llvm-bitcode']],
  ['Caml1999', T['ocaml-object']],
  ['gpch', T['gcc-precompiled-header']],
  ['\xed\xab\xee\xdb', T['rpm-package']],
  ['!<arch>\n', ar],
  ['!<thin>\n', T.ar],
  ['PK\x03\x04', zip],
  ['PK\x05\x06', T.zip],
  ['\x1f\x8b', T.gzip],
  ['\x1f\x9d', T.compress],
  ['BZh', bzip2],
  ['\xfd7zXZ\0', T.xz],
  ['\x5d\x00\x00', ({ head }) => (head[12] === 0 || head[12] === 0xff ? T.lzma : 0)],
  ['\x28\xb5\x2f\xfd', T.zstd],
  ['\x04\x22\x4d\x18', T.lz4],
  ['\x02\x21\x4c\x18', T.lz4],
  ['7z\xbc\xaf\x27\x1c', T['7z']],
  ['Rar!\x1a\x07', T.rar],
  ['070701', T.cpio],
  ['070702', T.cpio],
  ['070707', T.cpio],
  ['\xc7\x71', T.cpio],
  ['MSCF\0\0\0\0', T.cab],
  ['hsqs', T.squashfs],
  ['\x89PNG\r\n\x1a\n', T.png],
  ['\xff\xd8\xff', T.jpeg],
  ['GIF8', T.gif],
  ['II*\0', T.tiff],
  ['MM\0*', T.tiff],
  ['BM', bitmap],
  ['\0\0\x01\0', icon],
  ['\0\0\x02\0', icon],
  ['8BPS', T.photoshop],
  ['gimp xcf', T['other-image']],
  ['icns', T['other-image']],
  ['\0\0\0\x0cjP  ', T['other-image']],
  ['RIFF', riff],
  ['SQLite format 3\0', T.sqlite],
  ['\xce\x9a\x57\x13', T.dbm],
  ['\xcd\x9a\x57\x13', T.dbm],
  ['\xcf\x9a\x57\x13', T.dbm],
  ['\x13\x57\x9a\xce', T.dbm],
  ['GDBM', T.dbm],
  ['\xfe\xfe\x07', T.mysql],
  ['\xfe\x01', ({ extension }) => (extension === 'frm' ? T.mysql : 0)],
  ['\x03', dbase],
  ['%PDF-', T.pdf],
  ['%!PS-AdobeFont', T.font],
  ['%!FontType', T.font],
  ['\x80\x01%!', T.font],
  ['%!', T.postscript],
  ['{\\rtf', T.rtf],
  ['\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', T.office],
  ['OTTO', T.font],
  ['true\0', T.font],
  ['ttcf', T.font],
  ['wOFF', T.font],
  ['wOF2', T.font],
  ['\0\x01\0\0', truetype],
  ['\x01fcp', T.font],
  ['\xde\x12\x04\x95', T['gettext-catalog']],
  ['\x95\x04\x12\xde', T['gettext-catalog']],
  ['TZif', T.timezone],
  ['PACK\0\0\0', T['git-pack']],
  ['\xfftOc', T['git-pack']],
  ['ID3', T.audio],
  ['OggS', T.audio],
  ['fLaC', T.audio],
  ['MThd', T.audio],
  ['.snd', T.audio],
  ['\x1a\x45\xdf\xa3', T.video],
];

const BY_FIRST_BYTE: readonly Rule[][] = Array.from({ length: 256 }, (_, byte) =>
  RULES.filter(([begin]) => begin.charCodeAt(0) === byte),
);

/** Berkeley DB: hash, B-tree, queue and log files (magic of the page header, byte 12). */
const BERKELEY_AT_12 = [0x00061561, 0x00053162, 0x00042253, 0x00040988, 0x00074582];
/** Files of version 1.85 begin with theirs. */
const BERKELEY_AT_0 = [0x00061561, 0x00053162];
const LMDB = [0xbeefc0de];

/** Versions of compiled Python: 1.x and 2.x, 3.x. */
function isPythonVersion(version: number): boolean {
  if (version >= 3000 && version < 4000) return true;
  return (version >= 20_121 && version <= 20_999) || (version >= 50_428 && version <= 62_299);
}

/** What does not stand at the begin, or is told by a pattern. */
function deeperMagic({ head, size }: Subject): number {
  // A version, then CR and LF, so that a copy as text is found out (CPython, importlib).
  if (head[2] === 0x0d && head[3] === 0x0a && size >= 8 && isPythonVersion(little16(head, 0))) {
    return T['python-bytecode'];
  }
  if (hasText(head, 257, 'ustar')) return T.tar;
  if (hasText(head, 4, 'ftyp')) {
    const isPicture = ['avif', 'heic', 'mif1', 'heix'].some((brand) => hasText(head, 8, brand));
    return isPicture ? T['other-image'] : T.video;
  }
  if (hasOneOf(head, 12, BERKELEY_AT_12)) return T['berkeley-db'];
  if (hasOneOf(head, 0, BERKELEY_AT_0)) return T['berkeley-db'];
  return hasOneOf(head, 16, LMDB) ? T.lmdb : 0;
}

/**
 * The type by magic bytes.
 * @returns 0 when there are none that are known
 */
export function typeByMagic(subject: Subject): number {
  for (const [begin, type] of BY_FIRST_BYTE[subject.head[0]!]!) {
    if (!hasText(subject.head, 0, begin)) continue;
    const found = typeof type === 'number' ? type : type(subject);
    if (found !== 0) return found;
  }
  return deeperMagic(subject);
}
