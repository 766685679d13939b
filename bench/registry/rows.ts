/** The rows of the comparison: what each does, and what the project wants Stowage to reach. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** A reading row, repeated for a set time. */
export interface PullRow {
  readonly kind: 'pull';
  readonly method: 'GET' | 'HEAD';
  /** Which content of the fixture is asked for. */
  readonly content: 'tag' | 'manifest' | 'small' | 'medium' | 'large';
}

/**
 * A writing row, repeated a set number of times, because what it writes stays. `blob`: POST and PUT
 * of so many bytes; `stream`: POST, one PATCH of so many bytes, PUT; `image`: a configuration, two
 * layers, a manifest with a tag.
 */
export type PushRow =
  | { readonly kind: 'push'; readonly what: 'blob' | 'stream'; readonly bytes: number }
  | { readonly kind: 'push'; readonly what: 'image' };

/** One row of the tables. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly work: PullRow | PushRow;
  /** Highest server CPU time wanted of Stowage, as a multiple of the floor's. */
  readonly goal?: number;
  /** True where Debian's registry is to need at least ten times as much CPU time. */
  readonly tenfold?: boolean;
}

/** Sizes of the fixture's blobs in bytes. */
export const BLOB_BYTES = { small: KIB, medium: MIB, large: 50 * MIB } as const;

/** The push of one durable blob of 1 MiB. */
export const PUSH_BLOB: PushRow = { kind: 'push', what: 'blob', bytes: MIB };

/** The push of one small image. */
export const PUSH_IMAGE: PushRow = { kind: 'push', what: 'image' };

const pull = (method: PullRow['method'], content: PullRow['content']): PullRow => ({
  kind: 'pull',
  method,
  content,
});

/** All rows, in the order of the tables. */
export const ROWS: readonly Row[] = [
  {
    name: 'manifest-get-tag',
    title: 'manifest GET by tag',
    work: pull('GET', 'tag'),
    goal: 2,
    tenfold: true,
  },
  {
    name: 'manifest-get-digest',
    title: 'manifest GET by digest',
    work: pull('GET', 'manifest'),
    goal: 2,
    tenfold: true,
  },
  {
    name: 'manifest-head',
    title: 'manifest HEAD by tag',
    work: pull('HEAD', 'tag'),
    goal: 2,
    tenfold: true,
  },
  { name: 'blob-head', title: 'blob HEAD', work: pull('HEAD', 'small'), tenfold: true },
  {
    name: 'blob-get-1k',
    title: '1 KiB blob GET',
    work: pull('GET', 'small'),
    goal: 2.5,
    tenfold: true,
  },
  { name: 'blob-get-1m', title: '1 MiB blob GET', work: pull('GET', 'medium'), goal: 1.4 },
  { name: 'blob-get-50m', title: '50 MiB blob GET', work: pull('GET', 'large'), goal: 1.1 },
  {
    name: 'push-1m',
    title: 'durable 1 MiB push',
    work: PUSH_BLOB,
    goal: 1.3,
  },
  { name: 'push-image', title: 'small image push', work: PUSH_IMAGE },
];

/** Most CPU time, as a multiple of the floor's, that a verified bearer token may add. */
export const TOKEN_GOAL = 0.5;

/** Fewest times the CPU time of Stowage that Debian's registry is to need on the tenfold rows. */
export const TENFOLD = 10;

/** The row of a name. @throws Error with the names there are */
export function rowOf(name: string): Row {
  const row = ROWS.find((candidate) => candidate.name === name);
  if (row !== undefined) return row;
  throw new Error(`no row ${name}; there are ${ROWS.map((known) => known.name).join(', ')}`);
}
