/** Whether bytes are text, and in what encoding: the way of libmagic (file 5, `encoding.c`). */
import { TYPE_NUMBERS as T } from './taxonomy.ts';

/** What a byte may belong to: nothing, ASCII, ISO-8859, other supersets of ASCII. */
const NONE = 0;
const ASCII = 1;
const ISO = 2;
const EXTENDED = 3;

/** ASCII text has bell, backspace, tab, line feed, form feed, carriage return and escape. */
const CLASSES = Uint8Array.from({ length: 256 }, (_, byte) => {
  if ([7, 8, 9, 10, 12, 13, 27].includes(byte)) return ASCII;
  if (byte < 0x20 || byte === 0x7f) return NONE;
  if (byte < 0x7f) return ASCII;
  // 0x85 is the next line of ISO 6429.
  return byte < 0xa0 && byte !== 0x85 ? EXTENDED : ISO;
});

/** Bit of each class. */
const CLASS_BITS = CLASSES.map((number) => 1 << number);

/** Whether bytes are UTF-8, of which the last character may be cut off. */
function isUtf8Text(head: Uint8Array): boolean {
  for (let at = 0; at < head.length; ) {
    const byte = head[at]!;
    if (byte < 0x80) {
      if (CLASSES[byte] !== ASCII) return false;
      at++;
      continue;
    }
    const length = byte < 0xc2 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 0;
    if (length === 0) return false;
    for (let i = 1; i < length; i++) {
      if (at + i >= head.length) return true;
      if (head[at + i]! >> 6 !== 2) return false;
    }
    at += length;
  }
  return true;
}

/** Whether four bytes are all printable ASCII: none has its high bit set, is below a space or DEL. */
function arePrintable(word: number): boolean {
  const del = word ^ 0x7f7f7f7f;
  const odd = word | (word - 0x20202020) | ((del - 0x01010101) & ~del);
  return (odd & 0x80808080) === 0;
}

/** The bits of all classes that occur; most text is passed over four bytes at a time. */
function classesIn(head: Uint8Array): number {
  const words = new DataView(head.buffer, head.byteOffset, head.length);
  let seen = 0;
  let at = 0;
  for (; at + 4 <= head.length; at += 4) {
    if (arePrintable(words.getInt32(at))) seen |= 1 << ASCII;
    else for (let i = at; i < at + 4; i++) seen |= CLASS_BITS[head[i]!]!;
  }
  for (; at < head.length; at++) seen |= CLASS_BITS[head[at]!]!;
  return seen;
}

/** The type of plain text that bytes are; 0 when they are none. */
export function textTypeOf(head: Uint8Array): number {
  const [a, b] = head;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    return head.length >= 4 && head.length % 2 === 0 ? T['utf16-text'] : 0;
  }
  const seen = classesIn(head);
  if (seen === 1 << ASCII) return T['ascii-text'];
  if ((seen & (1 << NONE)) !== 0) return 0;
  if (isUtf8Text(head)) return T['utf8-text'];
  return (seen & (1 << EXTENDED)) === 0 ? T['iso-8859-text'] : T['extended-ascii-text'];
}
