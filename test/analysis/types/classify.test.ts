/** Types of files by small examples of each kind. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { classify } from '../../../src/analysis/types/classify.ts';
import { FILE_GROUPS, TYPES } from '../../../src/analysis/types/taxonomy.ts';

function typeOf(path: string, content: string | Uint8Array): string {
  const head = Buffer.from(content as string);
  return TYPES[classify(path, head.subarray(0, 4096), head.length)]!.type;
}

/** An ELF header with a type of file. */
function elf(type: number, isBig = false): Buffer {
  const head = Buffer.alloc(64);
  head.write('\x7fELF', 0, 'latin1');
  head[5] = isBig ? 2 : 1;
  if (isBig) head.writeUInt16BE(type, 16);
  else head.writeUInt16LE(type, 16);
  return head;
}

function at(offset: number, bytes: string, size = 4096): Buffer {
  const head = Buffer.alloc(size);
  head.write(bytes, offset, 'latin1');
  return head;
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('text is told from data', () => {
  it('by each byte, wherever it stands', () => {
    // As libmagic has it: bell, backspace, tab, line feed, form feed, return and escape belong to text.
    const inText = new Set([7, 8, 9, 10, 12, 13, 27]);
    for (let byte = 0; byte < 0x80; byte++) {
      const isText = inText.has(byte) || (byte >= 0x20 && byte !== 0x7f);
      for (let place = 1; place < 11; place++) {
        const content = Buffer.from('words words');
        content[place] = byte;
        expect([byte, place, typeOf('a', content)]).toEqual([
          byte,
          place,
          isText ? 'ascii-text' : 'data',
        ]);
      }
    }
  });
});

describe('a file is told', () => {
  it.each<readonly [type: string, path: string, content: string | Uint8Array]>([
    ['empty', 'a.py', ''],
    ['elf-relocatable', 'a.o', elf(1)],
    ['elf-executable', 'ls', elf(2)],
    ['elf-shared', 'libc.so', elf(3, true)],
    ['elf-core', 'core', elf(4)],
    [
      'pe',
      'a.exe',
      (() => {
        const head = at(128, 'PE\0\0');
        head.write('MZ');
        head[60] = 128;
        return head;
      })(),
    ],
    ['dos-executable', 'a.com', at(0, 'MZ')],
    ['java-class', 'A.class', latin1('\xca\xfe\xba\xbe\0\0\0\x34')],
    ['mach-o', 'a', latin1('\xca\xfe\xba\xbe\0\0\0\x02')],
    ['mach-o', 'a', latin1('\xcf\xfa\xed\xfe\x07\0\0\x01')],
    ['python-bytecode', 'a.pyc', latin1('\xa7\x0d\r\n\0\0\0\0rest of it')],
    ['python-bytecode', 'a.pyc', latin1('\x03\xf3\r\n\0\0\0\0rest of it')],
    ['wasm', 'a', latin1('\0asm\x01\0\0\0')],
    ['deb-package', 'a.deb', '!<arch>\ndebian-binary   '],
    ['ar', 'liba.a', '!<arch>\n/               '],
    ['rpm-package', 'a', latin1('\xed\xab\xee\xdb\x03\0')],
    ['terminfo', 'x/xterm', latin1('\x1a\x01\x30\0\x26\0\x0f\0')],
    ['zip', 'a', latin1('PK\x03\x04\x14\0')],
    ['jar', 'a.jar', latin1('PK\x03\x04\x14\0')],
    ['office', 'a.docx', latin1('PK\x03\x04\x14\0')],
    ['gzip', 'a', gzipSync('x')],
    ['zstd', 'a', zstdCompressSync('x')],
    ['tar', 'a', at(257, 'ustar\x0000')],
    ['png', 'a', latin1('\x89PNG\r\n\x1a\n')],
    ['jpeg', 'a', latin1('\xff\xd8\xff\xe0\0\x10JFIF')],
    ['webp', 'a', 'RIFF\x10\0\0\0WEBPVP8 '],
    ['svg', 'a.svg', '<?xml version="1.0"?>\n<!-- x -->\n<svg xmlns="x">'],
    ['sqlite', 'a', 'SQLite format 3\0'],
    ['berkeley-db', 'a', at(12, '\x61\x15\x06\0')],
    ['berkeley-db', 'a', at(12, '\0\x05\x31\x62')],
    ['gettext-catalog', 'a.mo', latin1('\xde\x12\x04\x95\0\0\0\0')],
    ['timezone', 'UTC', 'TZif2\0'],
    ['font', 'a.woff2', 'wOF2\0\x01\0\0'],
    ['pdf', 'a', '%PDF-1.7\n'],
    ['shell', 'configure', '#! /bin/sh\nexit'],
    ['shell', 'a.txt', '#!/usr/bin/env bash\n'],
    ['python', 'a', '#!/usr/bin/python3.11 -I\nimport x'],
    ['node', 'a.js', '#!/usr/bin/env -S node --x\n'],
    ['other-script', 'a', '#!/opt/own/interpreter\n'],
    ['python', 'a.py', 'import x\n'],
    ['python', 'a.py', Buffer.from('\ufeff# grüße\n')],
    ['c', 'a.h', '/* x */\n'],
    ['c', 'noname', 'x\n#include <stdio.h>\n'],
    ['perl-module', 'A.pm', 'package A;\n'],
    ['ruby-module', 'a.rb', 'module Abc\nend\n'],
    ['ruby', 'a.rb', "require 'x'\n"],
    ['javascript', 'a.mjs', 'export {};\n'],
    ['make', 'x/Makefile', 'all:\n\ttrue\n'],
    ['html', 'a', '\n <!DOCTYPE HTML>\n<p>'],
    ['xml', 'a', '<?xml version="1.0"?><a/>'],
    ['json', 'a', '{"a": [1, 2]}'],
    ['markdown', 'README.md', '# Title\n'],
    ['ascii-text', 'LICENSE', 'Copyright\n'],
    ['utf8-text', 'a.txt', 'grüße\n'],
    ['iso-8859-text', 'a.txt', latin1('gr\xfc\xdfe\n')],
    ['extended-ascii-text', 'a.txt', latin1('gr\x81\xe1e\n')],
    ['utf16-text', 'a.txt', latin1('\xff\xfea\0b\0')],
    ['data', 'a', latin1('\x00\x01\x02\x03abc')],
    // Its name does not make a binary file source.
    ['data', 'a.c', latin1('\x05\x00\xff\x03abc')],
  ])('%s: %s', (type, path, content) => {
    expect(typeOf(path, content)).toBe(type);
  });

  it('when UTF-8 is cut off in the middle of a character', () => {
    expect(typeOf('a.txt', Buffer.from('ü'.repeat(2048)).subarray(0, 4095))).toBe('utf8-text');
  });

  it('whatever its bytes are', () => {
    let state = 7;
    for (let i = 0; i < 5000; i++) {
      const head = Buffer.alloc(1 + (i % 40));
      for (let j = 0; j < head.length; j++) {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        head[j] = state >>> 24;
      }
      head[0] = i & 255;
      expect(TYPES[classify('x', head, head.length)]!.type).not.toBe('');
    }
  });
});

it('every type has a group, and every name is there once', () => {
  expect(new Set(TYPES.map(({ type }) => type)).size).toBe(TYPES.length);
  for (const { group } of TYPES.slice(1)) expect(FILE_GROUPS).toContain(group);
  // Numbers stand in data sets.
  expect([TYPES[0]?.type, TYPES[1]?.type, TYPES[2]?.type, TYPES[3]?.type]).toEqual([
    '',
    'empty',
    'data',
    'elf-relocatable',
  ]);
});
