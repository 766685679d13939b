/**
 * Looks at a database file before the library does, which ends the process where it finds no database,
 * or less of one than there should be.
 *
 * The first two pages are written in turn; the one with the higher number of a transaction is current
 * (`MDB_meta` in the library's mdb.c). Offsets are those of 64-bit systems, numbers little-endian.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

const MAGIC_AT = 24;
const MAGIC = 0xbeefc0de;
const VERSION_AT = 28;
const VERSION = 2;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
/** Bytes of a head that are looked at. */
const HEAD = 160;

/** The database file is not, or not wholly, what was written. */
export class DatabaseDamagedError extends Error {
  override readonly name = 'DatabaseDamagedError';

  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`the database ${path} is damaged: ${reason}`, options);
  }
}

interface Head {
  readonly version: number;
  readonly pageSize: number;
  readonly lastPage: number;
  readonly transaction: bigint;
}

/** One of the two heads; undefined when there is none at the position. */
function readHead(file: number, position: number): Head | undefined {
  const bytes = Buffer.alloc(HEAD);
  if (readSync(file, bytes, 0, HEAD, position) < HEAD) return undefined;
  if (bytes.readUInt32LE(MAGIC_AT) !== MAGIC) return undefined;
  return {
    version: bytes.readUInt32LE(VERSION_AT),
    pageSize: bytes.readUInt32LE(PAGE_SIZE_AT),
    lastPage: Number(bytes.readBigUInt64LE(LAST_PAGE_AT)),
    transaction: bytes.readBigUInt64LE(TRANSACTION_AT),
  };
}

/** What is wrong with a file that is not empty. */
function damageOf(file: number, size: number): string | undefined {
  const first = readHead(file, 0);
  if (first === undefined) return 'it is no database';
  if (first.version !== VERSION) return `it has version ${first.version}, not ${VERSION}`;
  const second = readHead(file, first.pageSize);
  const current = second !== undefined && second.transaction > first.transaction ? second : first;
  // Room is made in the file before a commit, so it always reaches beyond the last page in use.
  const least = Math.max(current.lastPage + 1, 2) * first.pageSize;
  return size < least ? `it has ${size} bytes of at least ${least}` : undefined;
}

/** Whether a database file is missing, or without a byte. */
export function isEmptyDatabase(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0;
}

/**
 * Makes sure that the file is a whole database, or empty; makes it when it is missing.
 * @throws DatabaseDamagedError, or the error of the file system
 */
export function checkDatabaseFile(path: string): void {
  const file = openSync(path, 'a+', 0o600);
  try {
    const { size } = fstatSync(file);
    const damage = size === 0 ? undefined : damageOf(file, size);
    if (damage !== undefined) throw new DatabaseDamagedError(path, damage);
  } finally {
    closeSync(file);
  }
}

/** Codes of the library that say that pages are not what they should be (lmdb.h). */
const DAMAGE_CODES: ReadonlySet<unknown> = new Set([
  -30797, // MDB_PAGE_NOTFOUND
  -30796, // MDB_CORRUPTED
  -30795, // MDB_PANIC
  -30794, // MDB_VERSION_MISMATCH
  -30793, // MDB_INVALID
]);

/** An error met while a database was opened, as one that says so when the database is at fault. */
export function asDamage(path: string, error: unknown): unknown {
  const { code, message } = error as { readonly code?: unknown; readonly message?: string };
  if (!DAMAGE_CODES.has(code)) return error;
  return new DatabaseDamagedError(path, message ?? String(code), { cause: error });
}
