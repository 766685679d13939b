/** What text is: by its first line, by what it begins with, by its name, by words in it. */
import { TYPE_NUMBERS as T, type TypeName } from './taxonomy.ts';

const BY_EXTENSION: ReadonlyMap<string, number> = new Map(
  (
    [
      ['c', 'c h cc cpp cxx hpp hh hxx c++ h++ inc ipp tcc inl cu m mm'],
      ['perl-module', 'pm'],
      ['pascal', 'pas pp dpr'],
      ['fortran', 'f f77 f90 f95 f03 for'],
      ['basic', 'bas vb vbs'],
      ['lisp', 'lisp lsp el scm ss clj cljs cljc rkt'],
      ['java', 'java'],
      ['javascript', 'js mjs cjs jsx'],
      ['typescript', 'ts tsx mts cts'],
      ['go', 'go'],
      ['rust', 'rs'],
      ['csharp', 'cs'],
      ['assembler', 's asm'],
      ['css', 'css scss sass less'],
      ['sql', 'sql'],
      ['other-source', 'swift kt kts scala hs erl ex exs ml mli d nim zig dart r jl proto vala'],
      ['python', 'py pyw pyi pyx'],
      ['shell', 'sh bash zsh ksh dash fish'],
      ['perl', 'pl'],
      ['php', 'php phtml php5'],
      ['awk', 'awk'],
      ['tcl', 'tcl exp'],
      ['make', 'mk mak make am'],
      ['m4', 'm4 ac'],
      ['lua', 'lua'],
      ['batch', 'bat cmd ps1 psm1'],
      ['html', 'html htm xhtml'],
      ['xml', 'xml xsl xslt xsd dtd rng plist xmi pom'],
      ['json', 'json jsonl map geojson webmanifest'],
      ['yaml', 'yaml yml'],
      ['markdown', 'md markdown mdown'],
      ['restructured-text', 'rst'],
      ['csv', 'csv tsv'],
      ['latex', 'tex sty cls bib ltx dtx'],
      ['perl-pod', 'pod'],
    ] as const satisfies readonly (readonly [TypeName, string])[]
  ).flatMap(([type, extensions]) =>
    extensions.split(' ').map((extension) => [extension, T[type]] as const),
  ),
);

const BY_NAME: ReadonlyMap<string, number> = new Map([
  ['Makefile', T.make],
  ['makefile', T.make],
  ['GNUmakefile', T.make],
  ['Rakefile', T.ruby],
  ['Gemfile', T.ruby],
]);

/** Interpreters by the name of their program, its version left out. */
const INTERPRETERS: ReadonlyMap<string, number> = new Map([
  ...['sh', 'bash', 'dash', 'ash', 'ksh', 'zsh', 'csh', 'tcsh', 'fish', 'rc', 'busybox'].map(
    (name) => [name, T.shell] as const,
  ),
  ['python', T.python],
  ['pypy', T.python],
  ['perl', T.perl],
  ['ruby', T.ruby],
  ['jruby', T.ruby],
  ['node', T.node],
  ['nodejs', T.node],
  ['php', T.php],
  ['awk', T.awk],
  ['gawk', T.awk],
  ['mawk', T.awk],
  ['nawk', T.awk],
  ['tclsh', T.tcl],
  ['wish', T.tcl],
  ['expect', T.tcl],
  ['make', T.make],
  ['lua', T.lua],
]);

/** The program that the first line names, without its folder and version. */
function typeByInterpreter(text: string): number {
  const end = text.indexOf('\n');
  const words = text
    .slice(2, end < 0 ? undefined : end)
    .trim()
    .split(/\s+/);
  let program = words[0]!.slice(words[0]!.lastIndexOf('/') + 1);
  if (program === 'env') {
    // Options of env, and variables that it sets, come first.
    const word = words.slice(1).find((next) => !next.startsWith('-') && !next.includes('=')) ?? '';
    program = word.slice(word.lastIndexOf('/') + 1);
  }
  return INTERPRETERS.get(program.replace(/[-\d.]+$/, '')) ?? T['other-script'];
}

/** Text that is marked up, by what it begins with after white space. */
function typeByMarkup(text: string): number {
  const begin = text.slice(0, 1024).trimStart();
  if (begin[0] !== '<') return 0;
  const start = begin.slice(0, 64).toLowerCase();
  if (start.startsWith('<?php')) return T.php;
  if (start.startsWith('<svg')) return T.svg;
  if (start.startsWith('<!doctype html') || start.startsWith('<html')) return T.html;
  if (start.startsWith('<head') || start.startsWith('<title') || start.startsWith('<body')) {
    return T.html;
  }
  if (!start.startsWith('<?xml') && !start.startsWith('<!doctype')) return 0;
  if (/<svg[\s>:]/.test(text)) return T.svg;
  return /<html[\s>]/i.test(text) || start.startsWith('<!doctype html') ? T.html : T.xml;
}

/** What text holds, when neither its begin nor its name says it. */
function typeByWords(text: string): number {
  if (text.includes('libtool library file')) return T['libtool-library'];
  if (text.startsWith('/* XPM */')) return T.pixmap;
  if (text.startsWith('.\\"') || text.startsWith('.TH ') || text.startsWith('\'\\"'))
    return T.troff;
  if (text.startsWith('-----BEGIN ')) return T['certificate-or-key'];
  if (/^\s*(\{\s*["}]|\[\s*["{[\]\d])/.test(text)) return T.json;
  if (/^[ \t]*#[ \t]*include[ \t]*[<"]/m.test(text)) return T.c;
  if (/^\\(documentclass|documentstyle|input|begin)\b/m.test(text)) return T.latex;
  if (/^=(pod|head1|encoding)\b/.test(text)) return T['perl-pod'];
  return 0;
}

/** A Ruby file that defines a module belongs to its sources; others are scripts. */
function rubyType(text: string): number {
  return /^[ \t]*module[ \t]+[A-Z]/m.test(text) ? T['ruby-module'] : T.ruby;
}

/**
 * The type of text.
 * @param plain - type of the plain text that it is, if it is nothing else
 * @param head - begin of the file
 * @param name - of the file, without its folder
 * @param extension - in lower case
 */
export function typeOfText(
  plain: number,
  head: Uint8Array,
  name: string,
  extension: string,
): number {
  if (plain === T['utf16-text']) return plain;
  const hasMark = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf;
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString(
    'latin1',
    hasMark ? 3 : 0,
  );
  if (text.startsWith('#!')) return typeByInterpreter(text);
  const markup = typeByMarkup(text);
  if (markup !== 0) return markup;
  if (extension === 'rb') return rubyType(text);
  return BY_NAME.get(name) ?? BY_EXTENSION.get(extension) ?? (typeByWords(text) || plain);
}
