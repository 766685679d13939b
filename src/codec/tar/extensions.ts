/**
 * What extension headers say about the entries that follow them: pax records, for one entry and for
 * all, and GNU's long names.
 */
import { type PaxRecord, parsePaxRecords } from './pax.ts';

/** Bytes of one extension header, and of all global records together. */
export const MAX_EXTENSION = 1024 * 1024;

/** An extension header, by the flag that announces it. */
export type ExtensionFlag = 'x' | 'g' | 'L' | 'K';

/** The extension that a type flag announces; `X` is Sun's name for `x`. */
export function extensionOf(typeFlag: number): ExtensionFlag | undefined {
  const flag = String.fromCharCode(typeFlag);
  if (flag === 'X') return 'x';
  return flag === 'x' || flag === 'g' || flag === 'L' || flag === 'K' ? flag : undefined;
}

const NO_RECORDS: readonly PaxRecord[] = [];
const NO_PAX: ReadonlyMap<string, Uint8Array> = new Map();

/** A copy of a name up to its NUL. */
function untilNul(bytes: Uint8Array): Uint8Array {
  const nul = bytes.indexOf(0);
  return nul < 0 ? bytes.slice() : bytes.slice(0, nul);
}

/** Sets the records of one header; an empty value takes an earlier one back (POSIX). */
function apply(records: readonly PaxRecord[], target: Map<string, Uint8Array>): void {
  for (const [keyword, value] of records) {
    if (value.length === 0) target.delete(keyword);
    else target.set(keyword, value);
  }
}

/** Gathers extension headers, and forgets those of one entry when the entry is there. */
export class Extensions {
  #global: Map<string, Uint8Array> = new Map();
  #records = NO_RECORDS;
  #longPath: Uint8Array | undefined;
  #longLink: Uint8Array | undefined;
  #isDamaged = false;

  /** The records that stand before the entry, in their order. */
  get records(): readonly PaxRecord[] {
    return this.#records;
  }

  get longPath(): Uint8Array | undefined {
    return this.#longPath;
  }

  get longLink(): Uint8Array | undefined {
    return this.#longLink;
  }

  /** Something that the entry depends on could not be read. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** The records in force for the entry. */
  get pax(): ReadonlyMap<string, Uint8Array> {
    if (this.#records.length === 0) return this.#global.size === 0 ? NO_PAX : this.#global;
    const pax = new Map(this.#global);
    apply(this.#records, pax);
    return pax;
  }

  /**
   * Takes a whole extension header; of two for the same entry the later one counts.
   * @param body - not needed any more afterwards
   */
  add(flag: ExtensionFlag, body: Uint8Array): void {
    if (flag === 'L') this.#longPath = untilNul(body);
    else if (flag === 'K') this.#longLink = untilNul(body);
    else this.#addRecords(flag, parsePaxRecords(body));
  }

  /** Notes that an extension header could not be read. */
  skip(flag: ExtensionFlag): void {
    // Global records that cannot be read say nothing; without its own an entry has another name.
    if (flag !== 'g') this.#isDamaged = true;
  }

  /** To be called after each entry. */
  clear(): void {
    this.#records = NO_RECORDS;
    this.#longPath = undefined;
    this.#longLink = undefined;
    this.#isDamaged = false;
  }

  /** To be called where an archive ends: what was global counts up to there. */
  clearAll(): void {
    this.clear();
    this.#global = new Map();
  }

  #addRecords(flag: 'x' | 'g', records: readonly PaxRecord[] | undefined): void {
    if (records === undefined) {
      this.skip(flag);
    } else if (flag === 'x') {
      this.#records = records;
    } else {
      // A new map, for entries that were handed out hold the old one.
      const global = new Map(this.#global);
      apply(records, global);
      let size = 0;
      for (const [keyword, value] of global) size += keyword.length + value.length;
      if (size <= MAX_EXTENSION) this.#global = global;
    }
  }
}
