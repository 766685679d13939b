/**
 * Types of files: the groups of the study of Docker Hub (Zhao et al., "Large-Scale Analysis of the
 * Docker Hub Dataset", 2019) with kinds of files in each. Numbers stand in data sets: new types are
 * added at the end only.
 */

/** A type of files. */
export interface FileType {
  readonly group: FileGroup | '';
  /** Unique over all groups. */
  readonly type: string;
}

/** Groups; `eol` is executables, object code and libraries. */
export const FILE_GROUPS = [
  'eol',
  'source',
  'scripts',
  'documents',
  'archives',
  'images',
  'databases',
  'other',
] as const;
export type FileGroup = (typeof FILE_GROUPS)[number];

const TABLE = [
  // Number 0: not a file.
  ['', ''],
  ['other', 'empty'],
  ['other', 'data'],
  ['eol', 'elf-relocatable'],
  ['eol', 'elf-executable'],
  ['eol', 'elf-shared'],
  ['eol', 'elf-core'],
  ['eol', 'elf-other'],
  ['eol', 'pe'],
  ['eol', 'dos-executable'],
  ['eol', 'coff'],
  ['eol', 'mach-o'],
  ['eol', 'python-bytecode'],
  ['eol', 'java-class'],
  ['eol', 'android-dex'],
  ['eol', 'wasm'],
  ['eol', 'terminfo'],
  ['eol', 'emacs-bytecode'],
  ['eol', 'lua-bytecode'],
  ['eol', 'llvm-bitcode'],
  ['eol', 'ocaml-object'],
  ['eol', 'gcc-precompiled-header'],
  ['eol', 'libtool-library'],
  ['eol', 'deb-package'],
  ['eol', 'rpm-package'],
  ['source', 'c'],
  ['source', 'perl-module'],
  ['source', 'ruby-module'],
  ['source', 'pascal'],
  ['source', 'fortran'],
  ['source', 'basic'],
  ['source', 'lisp'],
  ['source', 'java'],
  ['source', 'javascript'],
  ['source', 'typescript'],
  ['source', 'go'],
  ['source', 'rust'],
  ['source', 'csharp'],
  ['source', 'assembler'],
  ['source', 'css'],
  ['source', 'sql'],
  ['source', 'other-source'],
  ['scripts', 'python'],
  ['scripts', 'shell'],
  ['scripts', 'ruby'],
  ['scripts', 'perl'],
  ['scripts', 'php'],
  ['scripts', 'awk'],
  ['scripts', 'node'],
  ['scripts', 'tcl'],
  ['scripts', 'make'],
  ['scripts', 'm4'],
  ['scripts', 'lua'],
  ['scripts', 'batch'],
  ['scripts', 'other-script'],
  ['documents', 'ascii-text'],
  ['documents', 'utf8-text'],
  ['documents', 'utf16-text'],
  ['documents', 'iso-8859-text'],
  ['documents', 'extended-ascii-text'],
  ['documents', 'html'],
  ['documents', 'xml'],
  ['documents', 'json'],
  ['documents', 'yaml'],
  ['documents', 'markdown'],
  ['documents', 'restructured-text'],
  ['documents', 'csv'],
  ['documents', 'troff'],
  ['documents', 'latex'],
  ['documents', 'perl-pod'],
  ['documents', 'postscript'],
  ['documents', 'pdf'],
  ['documents', 'rtf'],
  ['documents', 'office'],
  ['archives', 'zip'],
  ['archives', 'jar'],
  ['archives', 'gzip'],
  ['archives', 'bzip2'],
  ['archives', 'xz'],
  ['archives', 'lzma'],
  ['archives', 'zstd'],
  ['archives', 'lz4'],
  ['archives', 'compress'],
  ['archives', 'tar'],
  ['archives', '7z'],
  ['archives', 'rar'],
  ['archives', 'cpio'],
  ['archives', 'ar'],
  ['archives', 'cab'],
  ['archives', 'squashfs'],
  ['images', 'png'],
  ['images', 'jpeg'],
  ['images', 'gif'],
  ['images', 'svg'],
  ['images', 'tiff'],
  ['images', 'bmp'],
  ['images', 'icon'],
  ['images', 'webp'],
  ['images', 'pixmap'],
  ['images', 'photoshop'],
  ['images', 'other-image'],
  ['databases', 'berkeley-db'],
  ['databases', 'sqlite'],
  ['databases', 'mysql'],
  ['databases', 'dbm'],
  ['databases', 'dbase'],
  ['databases', 'lmdb'],
  ['other', 'font'],
  ['other', 'java-keystore'],
  ['other', 'java-serialization'],
  ['other', 'gettext-catalog'],
  ['other', 'timezone'],
  ['other', 'certificate-or-key'],
  ['other', 'audio'],
  ['other', 'video'],
  ['other', 'git-pack'],
] as const satisfies readonly (readonly [FileGroup | '', string])[];

/** Name of a type. */
export type TypeName = Exclude<(typeof TABLE)[number][1], ''>;

/** All types by number; 0 stands for what is not a file. */
export const TYPES: readonly FileType[] = TABLE.map(([group, type]) => ({ group, type }));

/** Numbers of types by name. */
export const TYPE_NUMBERS: Readonly<Record<TypeName, number>> = Object.fromEntries(
  TABLE.map(([, type], number) => [type, number] as const).filter(([type]) => type !== ''),
) as Record<TypeName, number>;
