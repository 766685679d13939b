/** The answers of `/api/v1/files` as schemas; see schemas.ts. */
import { z } from 'zod';
import type {
  FileChange,
  FileListing,
  FileSummary,
  FoundFileSummary,
  SearchPage,
} from './file-operations.ts';

const summary = {
  path: z.string().describe('From the root of the image, without a slash in front.'),
  type: z
    .string()
    .describe(
      'file, directory, symlink, hardlink, character-device, block-device, fifo, other; in a single ' +
        'layer also whiteout.',
    ),
  mode: z.int().min(0).describe('Permission bits with set-user-ID, set-group-ID and sticky.'),
  uid: z.int().min(0),
  gid: z.int().min(0),
  size: z.int().min(0).describe('Bytes of a file, 0 for others.'),
  modifiedAt: z.string().nullable().describe('ISO 8601, UTC; null when no layer says it.'),
  link: z.string().describe('Target of a link, else empty.'),
  digest: z.string().nullable().describe('SHA-256 of a file whose bytes can be had.'),
  layer: z.string().nullable().describe('Digest of the layer that it comes from.'),
  opaque: z
    .boolean()
    .describe('In a single layer: what layers below have in the directory is gone.'),
};

const fileSummary: z.ZodType<FileSummary> = z.object(summary);

/** Schema of {@link FileListing}. */
export const fileListing: z.ZodType<FileListing> = z
  .object({
    manifest: z.string().describe('Digest of the manifest of the image.'),
    entry: fileSummary,
    items: z.array(fileSummary).describe('What is in a directory, in the order of paths.'),
    next: z.string().nullable().describe('`after` of the next page; null at the end.'),
  })
  .describe('A directory of an image, or a single file.');

const page = {
  next: z.string().nullable().describe('Where to go on; null at the end.'),
  timeUp: z.boolean().describe('The page is not full because the time was up.'),
};

/** Schema of what is found. */
export const foundFiles: z.ZodType<SearchPage<FoundFileSummary>> = z.object({
  items: z.array(
    z.object({
      ...summary,
      repository: z.string(),
      manifest: z.string().describe('Digest of the manifest of the image.'),
      tags: z.array(z.string()).describe('Tags of it and of indexes that it is in; at most 100.'),
    }),
  ),
  ...page,
});

/** Schema of what differs. */
export const fileChanges: z.ZodType<SearchPage<FileChange>> = z.object({
  items: z.array(
    z.object({
      path: z.string(),
      kind: z.enum(['added', 'removed', 'changed']),
      differences: z
        .array(z.enum(['type', 'content', 'mode', 'owner', 'link']))
        .describe('Of a changed one: in what.'),
      from: fileSummary.nullable(),
      to: fileSummary.nullable(),
    }),
  ),
  ...page,
});
