/** The operations on files of a server elsewhere. */
import type { z } from 'zod';
import type { FileDownload, FileOperations, FileTarget } from './file-operations.ts';
import * as schemas from './file-schemas.ts';

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Asks for JSON. */
type Call = <T>(method: 'GET', path: string, answer: z.ZodType<T>, query: Query) => Promise<T>;

/** Asks for the bytes of `/files`. */
type DownloadBytes = (
  query: Query,
  options: Parameters<FileDownload['bytes']>[0],
) => AsyncIterable<Uint8Array>;

function queryOf({ repository, reference, path, layer, platform }: FileTarget): Query {
  return { repo: repository, ref: reference, path, layer, platform };
}

/** Makes the operations of what sends the requests. */
export function clientFiles(call: Call, download: DownloadBytes): FileOperations {
  const list: FileOperations['list'] = (target, { limit, after, recursive } = {}) => {
    const query = { ...queryOf(target), format: 'json', n: limit, after, recursive };
    return call('GET', '/files', schemas.fileListing, query);
  };
  return {
    list,
    async open(target, { tar }) {
      const { entry } = await list(target, { limit: 1 });
      const isDirectory = entry.type === 'directory';
      if (isDirectory && !tar) return undefined;
      const { digest, size, path } = entry;
      const query = { ...queryOf(target), ...(isDirectory && { format: 'tar' }) };
      return {
        kind: isDirectory ? 'tar' : 'file',
        name: path.slice(path.lastIndexOf('/') + 1),
        // Of a hard link the server knows more than it lists.
        size: digest === null ? null : size,
        digest,
        bytes: (options) => download(query, options),
        close: () => undefined,
      };
    },
    find: ({ digest, name, glob, limit, cursor }) =>
      call('GET', '/files/find', schemas.foundFiles, { digest, name, glob, n: limit, cursor }),
    diff: ({ repository, from, to, platform, limit, after }) =>
      call('GET', '/files/diff', schemas.fileChanges, {
        repo: repository,
        from,
        to,
        platform,
        n: limit,
        after,
      }),
  };
}
