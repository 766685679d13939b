/** Operations on lists in memory, for the tests of what stands between an operator and a store. */
import { digestOf } from '../../../src/oci/digest.ts';
import { OciError } from '../../../src/oci/errors.ts';
import type { FileSummary } from '../../../src/registry/admin/file-operations.ts';
import type {
  CollectionReport,
  DedupReport,
  DeletedItem,
  Operations,
  Page,
  PageRequest,
  ScrubReport,
  Status,
  TagSummary,
  UndoReport,
} from '../../../src/registry/admin/operations.ts';
import { STATUS } from '../observe/figures.ts';

const TIME = '2026-01-02T03:04:05.000Z';

/** A digest that differs for every `seed`. */
export function fakeDigest(seed: number): string {
  return `sha256:${seed.toString(16).padStart(64, '0')}`;
}

/** What {@link createFakeOperations} starts from. */
export interface FakeContents {
  /** Tags by repository. */
  readonly repositories?: Readonly<Record<string, readonly string[]>>;
  readonly status?: Partial<Status>;
  /** Reports that a running job goes through, the last one stays. */
  readonly collection?: readonly CollectionReport[];
  readonly scrub?: readonly ScrubReport[];
  readonly undo?: readonly UndoReport[];
  /** What one look after the other shows, the last one stays. */
  readonly dedup?: readonly DedupReport[];
}

/** A finished round that removed two blobs. */
export const COLLECTION: CollectionReport = {
  state: 'finished',
  startedAt: TIME,
  finishedAt: '2026-01-02T03:04:09.000Z',
  progress: { unit: 'blobs', done: 10, total: 10, ratePerSecond: 2.5, etaSeconds: 0 },
  error: null,
  dryRun: false,
  phase: 'orphans',
  removedBlobs: 2,
  removedBytes: 2048,
  removedManifests: 1,
  removedUploads: 0,
  removedRepositories: 0,
  removedRecipes: 0,
};

/** A finished check that found nothing wrong. */
export const SCRUB: ScrubReport = {
  state: 'finished',
  startedAt: TIME,
  finishedAt: '2026-01-02T03:05:05.000Z',
  progress: { unit: 'bytes', done: 6000, total: 6000, ratePerSecond: 100, etaSeconds: 0 },
  error: null,
  checkedBlobs: 14,
  checkedBytes: 6000,
  damagedBlobs: 0,
  quarantine: [],
};

/** A finished undo. */
export const UNDO: UndoReport = {
  state: 'finished',
  startedAt: TIME,
  finishedAt: '2026-01-02T03:05:05.000Z',
  progress: { unit: 'bytes', done: 7000, total: 7000, ratePerSecond: 100, etaSeconds: 0 },
  error: null,
  restoredLayers: 3,
  restoredBytes: 7000,
};

function pageOf<Item extends { readonly name: string }>(
  all: readonly Item[],
  { limit = 100, last }: PageRequest = {},
): Page<Item> {
  const rest = all.filter(({ name }) => last === undefined || name > last);
  const items = rest.slice(0, limit);
  return { items, next: rest.length > limit ? items.at(-1)!.name : null };
}

/** A file that is an empty directory when its path is the root. */
function fileOf(path: string): FileSummary {
  return {
    path,
    type: path === '' ? 'directory' : 'file',
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: path === '' ? 0 : 5,
    modifiedAt: TIME,
    link: '',
    digest: path === '' ? null : fakeDigest(7),
    layer: fakeDigest(8),
    opaque: false,
  };
}

/** Operations that remember which of them were called. */
export interface FakeOperations extends Operations {
  readonly calls: string[];
}

/** Makes operations whose repositories and tags are in the order of their names. */
export function createFakeOperations(contents: FakeContents = {}): FakeOperations {
  const repositories = new Map<string, TagSummary[]>();
  const removed = new Map<string, DeletedItem[]>();
  const calls: string[] = [];
  let seed = 0;
  let looks = 0;
  for (const [name, tags] of Object.entries(contents.repositories ?? {})) {
    const summaries = tags.map((tag) => ({
      name: tag,
      digest: fakeDigest(++seed),
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      bytes: seed * 1000,
      pushedAt: TIME,
    }));
    repositories.set(name, summaries);
  }

  function tagsOf(repository: string): TagSummary[] {
    const tags = repositories.get(repository);
    if (tags === undefined) throw new OciError('NAME_UNKNOWN');
    return tags;
  }

  function take(repository: string, which: (tag: TagSummary) => boolean) {
    const tags = tagsOf(repository);
    const gone = tags.filter(which);
    if (gone.length === 0) throw new OciError('MANIFEST_UNKNOWN');
    repositories.set(
      repository,
      tags.filter((tag) => !which(tag)),
    );
    const items = gone.map(({ name, digest }) => ({
      kind: 'tag' as const,
      reference: name,
      digest,
      tags: [],
      deletedAt: TIME,
      restorableUntil: '2026-01-03T03:04:05.000Z',
    }));
    removed.set(repository, [...items, ...(removed.get(repository) ?? [])]);
    return { tags: gone.length, manifests: 0, restorableUntil: '2026-01-03T03:04:05.000Z' };
  }

  function job<Report>(name: string, reports: readonly Report[]) {
    let next = -1;
    return {
      async start(options?: unknown): Promise<Report> {
        calls.push(`${name}.start ${JSON.stringify(options ?? {})}`);
        next = 0;
        return reports[0]!;
      },
      async report(): Promise<Report | null> {
        if (next < 0) return null;
        next = Math.min(next + 1, reports.length - 1);
        return reports[next]!;
      },
    };
  }

  return {
    calls,
    async status() {
      return { ...STATUS, ...contents.status };
    },
    async repositories(page) {
      const all = [...repositories].map(([name, tags]) => ({
        name,
        tags: tags.length,
        manifests: tags.length,
      }));
      return pageOf(all, page);
    },
    async tags(repository, page) {
      return pageOf(tagsOf(repository), page);
    },
    async deleteTag(repository, tag) {
      calls.push(`deleteTag ${repository} ${tag}`);
      return take(repository, ({ name }) => name === tag);
    },
    async deleteManifest(repository, digest) {
      calls.push(`deleteManifest ${repository} ${digest}`);
      return { ...take(repository, (tag) => tag.digest === digest), manifests: 1 };
    },
    async deleteRepository(repository) {
      calls.push(`deleteRepository ${repository}`);
      const result = take(repository, () => true);
      repositories.delete(repository);
      return { ...result, manifests: result.tags };
    },
    async deleted(repository) {
      return removed.get(repository) ?? [];
    },
    async restore(repository, reference) {
      calls.push(`restore ${repository} ${reference}`);
      const items = removed.get(repository) ?? [];
      const item = items.find((candidate) => candidate.reference === reference);
      if (item === undefined) throw new OciError('MANIFEST_UNKNOWN');
      return { tags: 1, manifests: 1 };
    },
    collection: job('collection', contents.collection ?? [COLLECTION]),
    scrub: job('scrub', contents.scrub ?? [SCRUB]),
    files: {
      async list({ repository, path }) {
        tagsOf(repository);
        return { manifest: fakeDigest(1), entry: fileOf(path), items: [], next: null };
      },
      async open({ repository, path }, { tar }) {
        tagsOf(repository);
        if (path === '' && !tar) return undefined;
        const bytes = Buffer.from(`bytes of ${path}`);
        return {
          kind: path === '' ? 'tar' : 'file',
          name: path,
          size: path === '' ? null : bytes.length,
          digest: path === '' ? null : digestOf(bytes),
          async *bytes({ stretch: { start, end } = { start: 0, end: bytes.length } }) {
            yield bytes.subarray(start, end);
          },
          close: () => void calls.push(`close ${path}`),
        };
      },
      async find(_, mayRead = () => true) {
        const found = [...repositories.keys()].filter(mayRead);
        const items = found.map((repository) => {
          return { ...fileOf('etc/x'), repository, manifest: fakeDigest(1), tags: ['v1'] };
        });
        return { items, next: null, timeUp: false };
      },
      async diff({ repository }) {
        tagsOf(repository);
        const from = fileOf('etc/x');
        const change = { path: 'etc/x', kind: 'removed', differences: [], from, to: null } as const;
        return { items: [change], next: 'etc/x', timeUp: true };
      },
    },
    dedup: {
      async report() {
        const reports = contents.dedup ?? [STATUS.dedup];
        return reports[Math.min(looks++, reports.length - 1)]!;
      },
      undo: job('undo', contents.undo ?? [UNDO]),
    },
  };
}
