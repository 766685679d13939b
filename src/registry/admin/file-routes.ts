/** The resources of `/api/v1/files`: for everybody who may pull, not for operators only. */
import * as schemas from './file-schemas.ts';
import { Download, type Route, readFiles } from './route.ts';
import { mayPull } from './visibility.ts';

/** The routes. That `repo` may be pulled from was looked at before. */
export const FILE_ROUTES: readonly Route[] = [
  readFiles('/files', {
    id: 'getFile',
    summary: 'A file of an image: its bytes; of a directory what is in it, or an archive',
    parameters: ['repo', 'ref', 'path', 'layer', 'platform', 'format', 'recursive', 'n', 'after'],
    answer: schemas.fileListing,
    isDownload: true,
    async run({ operations, accept }, { repo, ref, path, layer, platform, format, ...page }) {
      const { files } = operations;
      const target = { repository: repo, reference: ref, path, layer, platform };
      const { n: limit, after, recursive } = page;
      if (format !== 'json') {
        const tar = format === 'tar' || accept.includes('application/x-tar');
        const download = await files.open(target, { tar });
        if (download !== undefined) return new Download(download);
      }
      return await files.list(target, { limit, after, recursive });
    },
  }),
  readFiles('/files/find', {
    id: 'findFiles',
    summary: 'Files by digest, name or pattern, in all layers that have been taken apart',
    parameters: ['file', 'name', 'glob', 'n', 'cursor'],
    answer: schemas.foundFiles,
    run: ({ operations, access }, { file, name, glob, n, cursor }) =>
      operations.files.find({ digest: file, name, glob, limit: n, cursor }, (repository) =>
        mayPull(access, repository),
      ),
  }),
  readFiles('/files/diff', {
    id: 'diffFiles',
    summary: 'How two images of a repository differ, file by file',
    parameters: ['repo', 'from', 'to', 'platform', 'n', 'after'],
    answer: schemas.fileChanges,
    run: ({ operations }, { repo, from, to, platform, n, after }) =>
      operations.files.diff({ repository: repo, from, to, platform, limit: n, after }),
  }),
];
