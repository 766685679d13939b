/** The resources of `/api/v1/`: one table that the handler, the description and the tests share. */
import { FILE_ROUTES } from './file-routes.ts';
import { change, type Route, read } from './route.ts';
import * as schemas from './schemas.ts';
import { requireRepository, visibleRepositories } from './visibility.ts';

/** Every route but the description itself. */
export const ROUTES: readonly Route[] = [
  read('/status', {
    id: 'getStatus',
    summary: 'State of the registry',
    parameters: [],
    answer: schemas.status,
    run: ({ operations }) => operations.status(),
  }),
  read('/repositories', {
    id: 'listRepositories',
    summary: 'Repositories in the order of their names',
    parameters: ['n', 'last'],
    answer: schemas.repositoryPage,
    run: ({ operations, access }, { n, last }) =>
      visibleRepositories(operations, access, { limit: n, last }),
  }),
  change('/repositories/delete', {
    id: 'deleteRepository',
    summary: 'Delete all tags and manifests of a repository',
    parameters: ['repo'],
    answer: schemas.deletionResult,
    audit: 'repository.delete',
    run({ operations, access }, { repo }) {
      requireRepository(access, repo, 'delete');
      return operations.deleteRepository(repo);
    },
  }),
  read('/tags', {
    id: 'listTags',
    summary: 'Tags of a repository in the order of their names',
    parameters: ['repo', 'n', 'last'],
    answer: schemas.tagPage,
    run({ operations, access }, { repo, n, last }) {
      requireRepository(access, repo, 'pull');
      return operations.tags(repo, { limit: n, last });
    },
  }),
  change('/tags/delete', {
    id: 'deleteTag',
    summary: 'Delete a tag; its manifest stays',
    parameters: ['repo', 'tag'],
    answer: schemas.deletionResult,
    audit: 'tag.delete',
    run({ operations, access }, { repo, tag }) {
      requireRepository(access, repo, 'delete');
      return operations.deleteTag(repo, tag);
    },
  }),
  change('/manifests/delete', {
    id: 'deleteManifest',
    summary: 'Delete a manifest and the tags that name it',
    parameters: ['repo', 'digest'],
    answer: schemas.deletionResult,
    audit: 'manifest.delete',
    run({ operations, access }, { repo, digest }) {
      requireRepository(access, repo, 'delete');
      return operations.deleteManifest(repo, digest);
    },
  }),
  read('/deleted', {
    id: 'listDeleted',
    summary: 'Deleted tags and manifests that can be restored, the latest first',
    parameters: ['repo'],
    answer: schemas.deletedItems,
    run({ operations, access }, { repo }) {
      requireRepository(access, repo, 'pull');
      return operations.deleted(repo);
    },
  }),
  change('/restore', {
    id: 'restore',
    summary: 'Restore a deleted tag with its manifest, or a deleted manifest with its tags',
    parameters: ['repo', 'reference'],
    answer: schemas.restorationResult,
    audit: 'restore',
    run({ operations, access }, { repo, reference }) {
      requireRepository(access, repo, 'push');
      return operations.restore(repo, reference);
    },
  }),
  read('/collection', {
    id: 'getCollection',
    summary: 'The running or last round of the collector; null before the first',
    parameters: [],
    answer: schemas.collectionReport.nullable(),
    run: ({ operations }) => operations.collection.report(),
  }),
  change('/collection/start', {
    id: 'startCollection',
    summary: 'Start a round of the collector, or join the one that runs',
    parameters: ['dry_run'],
    answer: schemas.collectionReport,
    audit: 'collection.start',
    status: 202,
    run: ({ operations }, values) => operations.collection.start({ dryRun: values.dry_run }),
  }),
  read('/scrub', {
    id: 'getScrub',
    summary: 'The running or last check of stored bytes; null before the first',
    parameters: [],
    answer: schemas.scrubReport.nullable(),
    run: ({ operations }) => operations.scrub.report(),
  }),
  change('/scrub/start', {
    id: 'startScrub',
    summary: 'Start a check of stored bytes, or join the one that runs',
    parameters: [],
    answer: schemas.scrubReport,
    audit: 'scrub.start',
    status: 202,
    run: ({ operations }) => operations.scrub.start(),
  }),
  read('/dedup', {
    id: 'getDedup',
    summary: 'What storing the files of layers once comes to',
    parameters: [],
    answer: schemas.dedupReport,
    run: ({ operations }) => operations.dedup.report(),
  }),
  read('/dedup/undo', {
    id: 'getUndo',
    summary: 'The running or last writing back of layers; null before the first',
    parameters: [],
    answer: schemas.undoReport.nullable(),
    run: ({ operations }) => operations.dedup.undo.report(),
  }),
  change('/dedup/undo/start', {
    id: 'startUndo',
    summary: 'Write layers back that the policy does not allow to be taken apart, or join that',
    parameters: [],
    answer: schemas.undoReport,
    audit: 'dedup.undo',
    status: 202,
    run: ({ operations }) => operations.dedup.undo.start(),
  }),
  ...FILE_ROUTES,
];
