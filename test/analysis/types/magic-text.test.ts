/** The rules of the study of 2017, on texts of libmagic. */
import { expect, it } from 'vitest';
import { classOfMagic } from '../../../src/analysis/types/magic-text.ts';

it.each([
  ['ELF 64-bit LSB pie executable, x86-64, dynamically linked', 'eol', 'elf-other'],
  ['ELF 64-bit LSB shared object, x86-64', 'eol', 'elf-shared'],
  ['setuid ELF 64-bit LSB relocatable, x86-64', 'eol', 'elf-relocatable'],
  ['Python script, ASCII text executable', 'scripts', 'python'],
  ['POSIX shell script, ASCII text executable', 'scripts', 'shell'],
  ['sticky awk script, ASCII text executable', 'scripts', 'other-script'],
  ['PE32+ executable (DLL) (console) x86-64', 'eol', 'pe'],
  ['Mach-O 64-bit x86_64 executable', 'eol', 'other-executable'],
  ['python 2.7 byte-compiled', 'eol', 'python-bytecode'],
  ['compiled Java class data, version 52.0', 'eol', 'java-class'],
  ['Compiled terminfo entry "xterm"', 'eol', 'terminfo'],
  ['libtool library file, ASCII text', 'eol', 'libtool-library'],
  ['Debian binary package (format 2.0)', 'eol', 'deb-package'],
  ['PNG image data, 16 x 16, 8-bit/color RGBA', 'images', 'png'],
  ['SVG Scalable Vector Graphics image', 'images', 'svg'],
  ['HTML document, ASCII text', 'documents', 'html-xml'],
  ['PDF document, version 1.4', 'documents', 'ps-pdf'],
  ['C source, ASCII text', 'source', 'c'],
  ['C++ source, ASCII text', 'source', 'c'],
  ['Perl5 module source, ASCII text', 'source', 'perl5 module source'],
  ['SQLite 3.x database, last written using', 'databases', 'sqlite'],
  ['Berkeley DB (Btree, version 9, native byte-order)', 'databases', 'berkeley-db'],
  ['Zip archive data, at least v2.0 to extract', 'archives', 'zip'],
  ['gzip compressed data, max compression', 'archives', 'gzip'],
  ['current ar archive', 'archives', 'other-archive'],
  ['ASCII text, with very long lines', 'documents', 'ascii text'],
  ['UTF-8 Unicode text', 'documents', 'utf-8 unicode text'],
  ['JSON data', 'documents', 'json data'],
  ['empty', 'other', 'empty'],
  ['data', 'other', 'data'],
  ['timezone data (fat), version 2', 'other', 'timezone data'],
  ['', 'other', ''],
])('%s', (text, group, name) => {
  expect(classOfMagic(text)).toEqual({ group, name });
});
