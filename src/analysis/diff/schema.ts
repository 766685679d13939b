/** How two images differ, as a schema: what `stowage analyze diff --json` prints. */
import { z } from 'zod';

const count = z.int().min(0);
const bytes = z.int().min(0);

/** What an entry can be when whiteouts have done their work. */
const fileKind = z.enum([
  'file',
  'directory',
  'symlink',
  'hardlink',
  'character-device',
  'block-device',
  'fifo',
  'other',
]);

/**
 * What differs of a path that both images have. `time` stands alone: where anything else differs the time
 * says nothing. Times of directories do not count, for they change with what is in them.
 */
const difference = z.enum(['type', 'content', 'mode', 'owner', 'link', 'time']);

/** A file, directory or link of one image. */
const fileState = z.object({
  kind: fileKind,
  /** Bytes of a file; 0 for others. */
  size: bytes,
  /** Of a file, in hexadecimal; left out for others. */
  sha256: z.string().optional(),
  /** Permissions with set-user-ID, set-group-ID and sticky. */
  mode: count,
  /** As the archive has them, whatever that is. */
  uid: z.number(),
  gid: z.number(),
  /** Seconds since 1970. */
  mtime: z.number(),
  /** Target of a symbolic link, and of a hard link that leads nowhere; '' for others. */
  link: z.string(),
  /** As the source names the layer that ships it; '' for a root that none has. */
  layer: z.string(),
  /** A directory of which no layer says anything but what is in it: mode, owner and time are made up. */
  isImplied: z.boolean(),
});

/** A path that is not the same in both images. */
const fileChange = z.object({
  path: z.string(),
  kind: z.enum(['added', 'removed', 'changed']),
  /** In the first image; left out where the path is not there. */
  from: fileState.optional(),
  /** In the second image. */
  to: fileState.optional(),
  /** Of a changed one: in what. */
  differences: z.array(difference),
});

/**
 * Paths of one outcome, directories and links included, and the bytes of their files in the first and in
 * the second image. What several hard links of an image lead to counts once, with the first of them.
 */
const diffTotals = z.object({ paths: count, fromBytes: bytes, toBytes: bytes });

/** The outcome of a comparison. */
export const imageDiff = z.object({
  format: z.literal('stowage-image-diff/1'),
  /** In the order of paths, what is in a directory right behind it. */
  changes: z.array(fileChange),
  added: diffTotals,
  removed: diffTotals,
  changed: diffTotals,
  same: diffTotals,
  /** Changed paths by what differs of them; one may count several times. */
  differences: z.record(difference, count),
});

export type Difference = z.infer<typeof difference>;
export type FileState = z.infer<typeof fileState>;
export type FileChange = z.infer<typeof fileChange>;
export type DiffTotals = z.infer<typeof diffTotals>;
export type ImageDiff = z.infer<typeof imageDiff>;
