/**
 * What the study of 2017 made of a file: its rules work on the text that libmagic gives (the order of
 * the rules is that of the authors' program, nnzhaocs/scripts-for-alltest,
 * dockerimage-analysis/spark-code/get_file_type.py at 1787dcb). Our own types do not come from it; it
 * is here to compare them with.
 */
import type { FileGroup } from './taxonomy.ts';

/** A class of the study: what its rules call it, and the group that its tables count it in. */
export interface MagicClass {
  readonly group: FileGroup;
  readonly name: string;
}

type Words = ReadonlySet<string>;

/** A name, and the words of which all, or one of a list, have to be there. */
type Rule = readonly [name: string, ...needed: readonly (string | readonly string[])[]];

/** The first rule that holds; the last one has no condition. */
function firstOf(words: Words, rules: readonly Rule[]): string | undefined {
  const holds = (needed: string | readonly string[]): boolean =>
    typeof needed === 'string' ? words.has(needed) : needed.some((word) => words.has(word));
  return rules.find(([, ...needed]) => needed.every(holds))?.[0];
}

const ELF: readonly Rule[] = [
  ['elf-relocatable', 'relocatable'],
  ['elf-shared', 'shared'],
  ['elf-core', 'core'],
  ['elf-processor-specific', 'processor-specific'],
  ['elf-other'],
];
const SCRIPTS: readonly Rule[] = [
  ['python', 'python'],
  ['shell', ['bash', 'shell']],
  ['ruby', ['ruby', 'jruby']],
  ['node', 'node'],
  ['perl', 'perl'],
  ['php', 'php'],
  ['other-script'],
];
const PROGRAMS: readonly Rule[] = [
  ['pe', ['pe32', 'pe32+']],
  ['vax-coff', 'vax', 'coff'],
  ['other-executable'],
];
const COMPILED: readonly Rule[] = [
  ['python-bytecode', 'python'],
  ['java-class', 'java'],
  ['emacs-bytecode', ['emacs', 'xemacs', 'emacs/xemacs']],
  ['terminfo', 'terminfo'],
  ['psi', 'psi'],
  ['other-compiled'],
];
const LIBRARIES: readonly Rule[] = [
  ['libtool-library', 'libtool'],
  ['ocaml-library', 'ocaml'],
  ['palm-library', 'palm'],
  ['mach-o-library', 'mach-o'],
  ['other-library'],
];
/** Here words count as they are written. */
const IMAGES: readonly Rule[] = [
  ['jpeg', 'JPEG'],
  ['png', 'PNG'],
  ['svg', 'SVG'],
  ['tiff', 'TIFF'],
  ['fig', 'FIG'],
  ['fits', 'FITS'],
  ['x-pixmap', 'pixmap', 'X'],
  ['visx', 'VISX'],
  ['photoshop', 'Photoshop'],
  ['other-image'],
];
const DOCUMENTS: readonly Rule[] = [
  ['html-xml', ['html', 'xhtml', 'xml']],
  ['latex', ['latex', 'tex', 'bibtex']],
  ['ps-pdf', ['postscript', 'pdf']],
  ['composite', 'composite'],
  ['microsoft', 'microsoft'],
  ['perl-pod', 'perl', 'pod'],
  ['sgml', 'exported', 'sgml'],
  ['lyx', 'lyx'],
  ['openoffice', 'openoffice.org'],
  ['other-document'],
];
const DATABASES: readonly Rule[] = [
  ['berkeley-db', 'berkeley', 'db'],
  ['dbase', 'dbase'],
  ['sqlite', 'sqlite'],
  // As the authors spell it.
  ['clam', 'clam', 'antivirtus'],
  ['ndbm', 'ndbm', 'database'],
  ['other-database', 'database'],
];
const ARCHIVES: readonly Rule[] = [
  ['zip', 'zip'],
  ['gzip', 'gzip'],
  ['xz', 'xz'],
  ['bzip2', 'bzip2'],
  ['tar', 'tar'],
  ['other-archive', 'archive'],
];
const REST: readonly Rule[] = [
  ['java-keystore', 'java', 'keystore'],
  ['java-serialization', 'java', 'serialization'],
];

/**
 * Groups of what no rule names: the study lists such texts by themselves, and its tables count them
 * by what they are. Patterns for wordings of libmagic since 2017 are among them.
 */
const GROUPS_OF_TEXT: readonly (readonly [RegExp, FileGroup])[] = [
  [/^byte-compiled|^webassembly|\bcoff\b|object file|^mach-o|^llvm|^dalvik|^ocaml /, 'eol'],
  [/\bscript\b|^makefile|^php |^dos batch/, 'scripts'],
  [
    /perl5 module|ruby module|\b(pascal|fortran|basic|lisp|lisp\/scheme|java|javascript|assembler|go|rust|d|objective-c|algol 68|nim|c#) (source|program)\b/,
    'source',
  ],
  [/\btext\b|^json|^troff|^(microsoft|opendocument|openoffice|rich text|csv)\b/, 'documents'],
  [/compressed data|\barchive\b|^squashfs|filesystem/, 'archives'],
  [/image|\bicon\b|bitmap/, 'images'],
  [/^mysql|^gnu dbm|^lmdb/, 'databases'],
];

/** The text up to where details begin. */
function shorten(text: string): string {
  const short = text.toLowerCase().trim();
  const [begin = ''] = short.split(/,| version | at | with |[:;(]/, 1);
  return begin.trim() || short;
}

/**
 * What the study's rules make of libmagic's text.
 * @param text - as `file --brief` prints it
 */
export function classOfMagic(text: string): MagicClass {
  const bare = text.replace(/^(sticky |setuid |setgid )+,? ?/, '');
  const exact: Words = new Set(bare.split(/ |; |, |"/));
  const lower: Words = new Set([...exact].map((word) => word.toLowerCase()));
  const named = (group: FileGroup, name: string | undefined): MagicClass => ({
    group,
    name: name ?? '',
  });
  if (exact.has('ELF')) return named('eol', firstOf(exact, ELF));
  if (exact.has('executable')) {
    return lower.has('script')
      ? named('scripts', firstOf(lower, SCRIPTS))
      : named('eol', firstOf(lower, PROGRAMS));
  }
  if (exact.has('relocatable')) return named('eol', 'other-relocatable');
  if (['compiled', 'Compiled', 'byte-compiled'].some((word) => exact.has(word))) {
    return named('eol', firstOf(lower, COMPILED));
  }
  if (exact.has('library')) return named('eol', firstOf(lower, LIBRARIES));
  if (exact.has('precompiled')) return named('eol', 'gcc-precompiled-header');
  if (exact.has('RPM') && exact.has('bin')) return named('eol', 'rpm-package');
  if (exact.has('Debian') && exact.has('binary')) return named('eol', 'deb-package');
  if (exact.has('image')) return named('images', firstOf(exact, IMAGES));
  if (exact.has('document')) return named('documents', firstOf(lower, DOCUMENTS));
  if (['c', 'C', 'C++', 'c++'].some((word) => exact.has(word))) return named('source', 'c');
  const database = firstOf(lower, DATABASES);
  if (database !== undefined) return named('databases', database);
  const archive = firstOf(lower, ARCHIVES);
  if (archive !== undefined) return named('archives', archive);
  const other = firstOf(lower, REST) ?? (exact.has('font') ? 'font' : undefined);
  if (other !== undefined) return named('other', other);
  const name = shorten(bare);
  // Text that says what it is counts as that, and as plain text otherwise.
  const group = GROUPS_OF_TEXT.find(([pattern]) => pattern.test(name))?.[1] ?? 'other';
  return named(group, name);
}
