/**
 * Clients that push, mount, tag, pull and delete without a pause, one for each repository. They
 * share contents, so that what one deletes another one pushes or mounts at the same moment.
 */
import type { RegistryClient } from '../conformance/client.ts';
import { type Random, startRandom } from '../support/random.ts';
import { blobPath, get, getManifest, head, manifestPath, putManifest, remove } from './api.ts';
import {
  appendTo,
  cancelUpload,
  closeUpload,
  expectAnswer,
  mountBlob,
  openUpload,
  type Pusher,
  pushBlob,
  UnexpectedAnswer,
} from './blob-pushes.ts';
import {
  type Blob,
  digestOf,
  INLINE_MAX,
  type Manifest,
  makeImage,
  makeIndex,
  makeLayerOrBlob,
} from './contents.ts';
import type { Change, Ledger } from './ledger.ts';

export const REPOSITORIES = ['faults/a', 'faults/b', 'faults/c', 'faults/d/e'] as const;
const TAGS = ['v1', 'v2', 'v3', 'latest'] as const;
/** Manifests of a repository at which its client rather deletes. */
const ENOUGH_MANIFESTS = 8;

/** What goes on. */
export interface WorkloadOptions {
  readonly ledger: Ledger;
  readonly random: Random;
  /** Blobs that all clients push again and again. */
  readonly shared: readonly Blob[];
  /** Makes the blobs and manifests of this run different from those of others. */
  readonly label: string;
}

/** Clients at work. */
export interface Workload {
  /** What was acknowledged so far. */
  readonly acknowledged: number;
  /** Answers that nobody can explain. */
  readonly problems: readonly string[];
  /** To be called just before the server is killed: broken connections are what is expected now. */
  expectCrash(): void;
  /** No client begins anything new; resolves when all are done. */
  stop(): Promise<void>;
}

/** Blobs that several repositories get. */
export function sharedBlobs(label: string, random: Random): Blob[] {
  return Array.from({ length: 12 }, (_, i) => makeLayerOrBlob(`${label} shared ${i}`, random));
}

/** One client and its repository. */
interface Actor extends Pusher {
  readonly repository: string;
  readonly options: WorkloadOptions;
  /** Makes what this client makes different each time. */
  count: number;
}

const nextLabel = (actor: Actor): string =>
  `${actor.options.label} ${actor.repository} ${actor.count++}`;

function chooseBlob(actor: Actor): Blob {
  const { random, options } = actor;
  if (random.chance(0.7)) return random.pick(options.shared)!;
  return makeLayerOrBlob(nextLabel(actor), random);
}

/** Sees to it that a blob is in the repository, as clients do: ask, mount, or push. */
async function provideBlob(actor: Actor, blob: Blob): Promise<void> {
  const { client, ledger, random, repository } = actor;
  const { digest } = blob;
  if (ledger.possible(repository, 'blob', digest).has(digest) && random.chance(0.8)) {
    const at = Date.now();
    const answer = expectAnswer(await head(client, blobPath(repository, digest)), 200, 404);
    if (answer.status === 200) {
      ledger.touch(repository, digest, at);
      return;
    }
    if (!ledger.mayBeCollected(repository, digest, Date.now())) {
      throw new UnexpectedAnswer(`${answer.describe()}, although it is in use or leased`);
    }
  }
  const others = REPOSITORIES.filter(
    (other) => other !== repository && ledger.possible(other, 'blob', digest).has(digest),
  );
  const from = random.pick(others);
  if (from !== undefined && random.chance(0.6)) {
    await mountBlob(actor, { from, to: repository }, blob);
  } else await pushBlob(actor, repository, blob);
}

/** PUT of a manifest whose references were provided. They may have been collected only by right. */
async function storeManifest(actor: Actor, manifest: Manifest): Promise<void> {
  const { client, ledger, random, repository } = actor;
  const tags = TAGS.filter(() => random.chance(0.3));
  const [first] = tags;
  const byTag = first !== undefined && random.chance(0.5);
  ledger.remember(manifest);
  const { digest } = manifest;
  const set = byTag ? [first] : tags;
  const operation = ledger.begin(repository, [
    { kind: 'manifest', name: digest, to: digest },
    ...set.map((tag): Change => ({ kind: 'tag', name: tag, to: digest })),
  ]);
  const where = byTag ? { repository, reference: first } : { repository, reference: digest, tags };
  const answer = await putManifest(client, where, manifest);
  if (answer.status === 201) {
    operation.done();
    return;
  }
  expectAnswer(answer, 400);
  operation.refused();
  const now = Date.now();
  const mayBeMissing = (reference: string): boolean =>
    ledger.mayBeCollected(repository, reference, now) &&
    ledger.users(repository, reference).length === 0 &&
    !ledger.possible(repository, 'manifest', reference).has(reference);
  const { errors } = answer.json<{ errors: { code: string; detail: { digest: string } }[] }>();
  const isJust = errors.every(
    ({ code, detail }) => code === 'MANIFEST_BLOB_UNKNOWN' && mayBeMissing(detail.digest),
  );
  if (!isJust) throw new UnexpectedAnswer(`${answer.describe()}, although they are held`);
}

async function pushImage(actor: Actor): Promise<void> {
  const { ledger, random, repository } = actor;
  const blobs = Array.from({ length: random.between(2, 4) }, () => chooseBlob(actor));
  // Clients push layers side by side.
  if (random.chance(0.5)) {
    const distinct = [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
    await Promise.all(distinct.map((blob) => provideBlob(actor, blob)));
  } else for (const blob of blobs) await provideBlob(actor, blob);
  const subject = random.chance(0.2)
    ? random.pick(ledger.known(repository, 'manifest'))?.name
    : undefined;
  const image = makeImage(blobs, {
    label: nextLabel(actor),
    subject: subject === undefined ? undefined : ledger.manifest(subject),
    padding: random.chance(0.3) ? INLINE_MAX : 0,
  });
  await storeManifest(actor, image);
}

async function pushIndex(actor: Actor): Promise<void> {
  const { ledger, random, repository } = actor;
  const known = ledger.known(repository, 'manifest').filter(() => random.chance(0.4));
  if (known.length === 0) return;
  const children = known.map(({ name }) => ledger.manifest(name)!);
  await storeManifest(actor, makeIndex(children, { label: nextLabel(actor) }));
}

/** A blob that no manifest will ever refer to. */
async function pushLooseBlob(actor: Actor): Promise<void> {
  await provideBlob(actor, chooseBlob(actor));
}

/** Begins an upload that is left alone for a while. */
async function beginUpload(actor: Actor): Promise<void> {
  const upload = await openUpload(actor, actor.repository, chooseBlob(actor));
  await appendTo(actor, upload, actor.random.between(2, upload.blob.bytes.length));
}

async function goOnWithUpload(actor: Actor): Promise<void> {
  const { ledger, random, repository } = actor;
  const mine = [...ledger.uploads.values()].filter((one) => one.repository === repository);
  const upload = random.pick(mine);
  if (upload === undefined) return;
  if (random.chance(0.3)) await cancelUpload(actor, upload);
  else await closeUpload(actor, upload);
}

async function deleteTag(actor: Actor): Promise<void> {
  const { client, ledger, random, repository } = actor;
  const tag = random.pick(ledger.known(repository, 'tag'))?.name;
  if (tag === undefined) return;
  const operation = ledger.begin(repository, [{ kind: 'tag', name: tag, to: undefined }]);
  expectAnswer(await remove(client, manifestPath(repository, tag)), 202);
  operation.done();
}

async function deleteManifest(actor: Actor): Promise<void> {
  const { client, ledger, random, repository } = actor;
  const free = ledger
    .known(repository, 'manifest')
    .filter(({ name }) => ledger.users(repository, name).length === 0);
  const digest = random.pick(free)?.name;
  if (digest === undefined) return;
  const tags = ledger.known(repository, 'tag').filter(({ possible }) => possible.has(digest));
  const operation = ledger.begin(repository, [
    { kind: 'manifest', name: digest, to: undefined },
    ...tags.map(({ name }): Change => ({ kind: 'tag', name, to: undefined })),
  ]);
  expectAnswer(await remove(client, manifestPath(repository, digest)), 202);
  operation.done();
}

async function deleteBlob(actor: Actor): Promise<void> {
  const { client, ledger, random, repository } = actor;
  const free = ledger
    .known(repository, 'blob')
    .filter(({ name }) => ledger.users(repository, name).length === 0);
  const digest = random.pick(free)?.name;
  if (digest === undefined) return;
  const operation = ledger.begin(repository, [{ kind: 'blob', name: digest, to: undefined }]);
  const answer = expectAnswer(await remove(client, blobPath(repository, digest)), 202, 404);
  if (answer.status === 404 && !ledger.mayBeCollected(repository, digest, Date.now())) {
    throw new UnexpectedAnswer(`${answer.describe()}, although it is leased`);
  }
  operation.done();
}

/** Pulls what must be there. */
async function pull(actor: Actor): Promise<void> {
  const { client, ledger, random, repository } = actor;
  const manifest = random.pick(ledger.known(repository, 'manifest'))?.name;
  if (manifest === undefined) return;
  expectAnswer(await getManifest(client, repository, manifest), 200);
  for (const digest of ledger.manifest(manifest)!.references) {
    if (!ledger.possible(repository, 'blob', digest).has(digest)) continue;
    const { body } = expectAnswer(await get(client, blobPath(repository, digest)), 200);
    if (digestOf(body, digest) !== digest) throw new UnexpectedAnswer(`${digest} has other bytes`);
  }
}

/** What clients do, and how often. */
const DEEDS: readonly (readonly [deed: (actor: Actor) => Promise<void>, weight: number])[] = [
  [pushImage, 8],
  [pushIndex, 1],
  [pushLooseBlob, 4],
  [beginUpload, 2],
  [goOnWithUpload, 2],
  [deleteTag, 1],
  [deleteManifest, 2],
  [deleteBlob, 2],
  [pull, 2],
];

function chooseDeed({ ledger, random, repository }: Actor): (actor: Actor) => Promise<void> {
  const isFull = ledger.known(repository, 'manifest').length > ENOUGH_MANIFESTS;
  if (isFull && random.chance(0.5)) return deleteManifest;
  let left = random.below(DEEDS.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [deed, weight] of DEEDS) {
    left -= weight;
    if (left < 0) return deed;
  }
  return pull;
}

/** Starts the clients. */
export function startWorkload(client: RegistryClient, options: WorkloadOptions): Workload {
  const problems: string[] = [];
  let acknowledged = 0;
  let stopping = false;
  let crashing = false;

  async function act(actor: Actor): Promise<void> {
    while (!stopping) {
      const deed = chooseDeed(actor);
      try {
        await deed(actor);
        acknowledged++;
      } catch (error) {
        if (crashing && !(error instanceof UnexpectedAnswer)) return;
        problems.push(`${deed.name} in ${actor.repository}: ${(error as Error).message}`);
        return;
      }
    }
  }

  const actors = REPOSITORIES.map((repository) => {
    const random = startRandom(options.random.below(2 ** 32));
    return act({ client, ledger: options.ledger, random, repository, options, count: 0 });
  });
  return {
    get acknowledged() {
      return acknowledged;
    },
    problems,
    expectCrash() {
      crashing = true;
      stopping = true;
    },
    async stop() {
      stopping = true;
      await Promise.all(actors);
    },
  };
}
