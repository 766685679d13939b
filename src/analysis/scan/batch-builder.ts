/** Gathers entries as columns. */
import { ENTRY_KINDS, type EntryBatch, type EntryKind } from './types.ts';

/** Entries of a batch, but for what one piece of the layer adds. */
const ROWS = 4096;
/** Characters of paths and links of a batch, so that hostile ones do not add up. */
const CHARACTERS = 2 * 1024 * 1024;

/** Number of each kind. */
export const KIND_NUMBERS = Object.fromEntries(
  ENTRY_KINDS.map((kind, number) => [kind, number]),
) as Record<EntryKind, number>;

/** An entry, but for its hash. */
export interface EntryRow {
  readonly path: string;
  /** Index into `ENTRY_KINDS`. */
  readonly kind: number;
  readonly size: number;
  readonly type: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly link: string | undefined;
  readonly packedSize: number;
}

/** Columns that are filled again and again; a batch gets copies of what is in them. */
export class BatchBuilder {
  #room = 0;
  #kinds = new Uint8Array(0);
  #sizes = new Float64Array(0);
  #hashes = Buffer.alloc(0);
  #types = new Uint16Array(0);
  #modes = new Uint16Array(0);
  #uids = new Float64Array(0);
  #gids = new Float64Array(0);
  #mtimes = new Float64Array(0);
  #packedSizes = new Float64Array(0);
  #paths: string[] = [];
  #links: (string | undefined)[] = [];
  #count = 0;
  #characters = 0;
  #firstIndex = 0;

  constructor() {
    this.#grow(ROWS);
  }

  /** Entries so far, those in earlier batches too. */
  get total(): number {
    return this.#firstIndex + this.#count;
  }

  /** It is time to take the batch. */
  get isFull(): boolean {
    return this.#count >= ROWS || this.#characters >= CHARACTERS;
  }

  /** @param hash - SHA-256 as a string with a byte in each character; '' for none */
  add(row: EntryRow, hash: string): void {
    const at = this.#count;
    if (at === this.#room) this.#grow(2 * this.#room);
    this.#paths.push(row.path);
    this.#links.push(row.link);
    this.#kinds[at] = row.kind;
    this.#sizes[at] = row.size;
    this.#types[at] = row.type;
    this.#modes[at] = row.mode;
    this.#uids[at] = row.uid;
    this.#gids[at] = row.gid;
    this.#mtimes[at] = row.mtime;
    this.#packedSizes[at] = row.packedSize;
    if (hash === '') this.#hashes.fill(0, 32 * at, 32 * (at + 1));
    else this.#hashes.write(hash, 32 * at, 'latin1');
    this.#characters += row.path.length + (row.link?.length ?? 0);
    this.#count++;
  }

  /** What was added since the last call; undefined when nothing was. */
  take(): EntryBatch | undefined {
    const count = this.#count;
    if (count === 0) return undefined;
    const batch: EntryBatch = {
      count,
      firstIndex: this.#firstIndex,
      paths: this.#paths,
      kinds: this.#kinds.slice(0, count),
      sizes: this.#sizes.slice(0, count),
      hashes: new Uint8Array(this.#hashes.subarray(0, 32 * count)),
      types: this.#types.slice(0, count),
      modes: this.#modes.slice(0, count),
      uids: this.#uids.slice(0, count),
      gids: this.#gids.slice(0, count),
      mtimes: this.#mtimes.slice(0, count),
      links: this.#links,
      packedSizes: this.#packedSizes.slice(0, count),
    };
    this.#firstIndex += count;
    this.#count = 0;
    this.#characters = 0;
    this.#paths = [];
    this.#links = [];
    return batch;
  }

  #grow(room: number): void {
    const grown = <T extends Uint8Array | Uint16Array | Float64Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.#kinds = grown(new Uint8Array(room), this.#kinds);
    this.#sizes = grown(new Float64Array(room), this.#sizes);
    this.#hashes = grown(Buffer.alloc(32 * room), this.#hashes);
    this.#types = grown(new Uint16Array(room), this.#types);
    this.#modes = grown(new Uint16Array(room), this.#modes);
    this.#uids = grown(new Float64Array(room), this.#uids);
    this.#gids = grown(new Float64Array(room), this.#gids);
    this.#mtimes = grown(new Float64Array(room), this.#mtimes);
    this.#packedSizes = grown(new Float64Array(room), this.#packedSizes);
    this.#room = room;
  }
}
