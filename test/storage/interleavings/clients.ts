/**
 * What clients do, step by step as the HTTP handlers do it. Each step tells the oracle when it begins
 * and how it ended, and checks the answer against what the oracle allows.
 */
import { parseManifest } from '../../../src/oci/manifest.ts';
import { deleteBlob, findBlob, mountBlob } from '../../../src/storage/blobs.ts';
import { ContentDamagedError, readContent } from '../../../src/storage/content.ts';
import { StoreRefusal } from '../../../src/storage/errors.ts';
import { CommitError } from '../../../src/storage/kv/types.ts';
import {
  deleteManifest,
  deleteTag,
  putManifest,
  restoreManifest,
} from '../../../src/storage/manifests.ts';
import type { Store } from '../../../src/storage/store.ts';
import { append } from '../support/content.ts';
import type { Oracle, Promised, Watcher } from './oracle.ts';
import { type Blob, type Manifest, Violation } from './universe.ts';

/** An upload that clients know of. */
export interface KnownUpload {
  readonly id: string;
  readonly repository: string;
  readonly blob: Blob;
  /** Bytes that were acknowledged to survive the process. */
  acked: number;
  /** Time of the clock when it was last written to. */
  touched: number;
  /** It was finished, cancelled or has expired: surely, or perhaps. */
  over: 'no' | 'perhaps' | 'surely';
}

/** What the steps work on. */
export interface Session {
  readonly store: Store;
  readonly oracle: Oracle;
  readonly clock: () => number;
  readonly undo: number;
  readonly uploads: KnownUpload[];
}

/** How a step ended: with a result, a refusal, or an error of the disk. */
type Outcome<T> = { readonly result: T } | { readonly refused: string } | { readonly broken: true };

async function attempt<T>(act: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { result: await act() };
  } catch (error) {
    if (error instanceof StoreRefusal) return { refused: error.reason };
    const { code = '' } = error as NodeJS.ErrnoException;
    const isDisk = code === 'ENOSPC' || code === 'EIO' || error instanceof CommitError;
    if (isDisk || error instanceof ContentDamagedError) return { broken: true };
    throw error;
  }
}

function require(ok: boolean, problem: string): void {
  if (!ok) throw new Violation(problem);
}

/** Who pushes. */
export const SUBJECT = 'alice';
const short = (digest: string): string => digest.slice(7, 13);

/** HEAD. */
export function head({ store, oracle, clock }: Session, repository: string, blob: Blob): boolean {
  const { digest } = blob;
  const history = oracle.blob(repository, digest);
  const isThere = findBlob(store.context, repository, digest) !== undefined;
  require(history.shows(isThere), `HEAD ${repository} ${short(digest)} says ${isThere}`);
  if (isThere) oracle.renew(repository, digest, clock());
  return isThere;
}

/** GET. */
export async function get(session: Session, repository: string, blob: Blob): Promise<void> {
  const { store, oracle, clock } = session;
  const { digest } = blob;
  const history = oracle.blob(repository, digest);
  const content = findBlob(store.context, repository, digest);
  require(history.shows(content !== undefined), `GET ${repository} ${short(digest)} is wrong`);
  if (content === undefined) return;
  oracle.renew(repository, digest, clock());
  const absent = oracle.watch(history, false);
  const outcome = await attempt(() => readContent(store.context, content));
  if (!('result' in outcome)) return;
  const { result: bytes } = outcome;
  if (bytes === undefined) require(absent.seen, `GET ${short(digest)} lost its bytes`);
  else require(bytes.equals(blob.bytes), `GET ${short(digest)} gave wrong bytes`);
}

/** Ends an upload as a blob, as part of a step. */
async function finish(
  { oracle, clock }: Session,
  { repository, blob }: { readonly repository: string; readonly blob: Blob },
  act: () => Promise<void>,
): Promise<Outcome<void>> {
  const since = clock();
  const link = oracle.begin(oracle.blob(repository, blob.digest), true);
  const began = oracle.tick();
  const outcome = await attempt(act);
  if (!('result' in outcome)) {
    link.failed();
    const refused = 'refused' in outcome ? outcome.refused : undefined;
    require(refused !== 'digest-mismatch', `${short(blob.digest)} was garbled on its way`);
    return outcome;
  }
  link.done();
  oracle.renew(repository, blob.digest, since);
  oracle.heal(blob.digest, began);
  return outcome;
}

/** POST with the whole blob. */
export async function push(session: Session, repository: string, blob: Blob): Promise<boolean> {
  const { store } = session;
  const upload = store.uploads.start({ repository, subject: SUBJECT, algorithm: 'sha256' });
  const outcome = await finish(session, { repository, blob }, async () => {
    await append(upload, blob.bytes, { persist: false });
    await store.uploads.finish(upload, blob.digest);
  });
  if ('result' in outcome) return true;
  await attempt(() => store.uploads.cancel(upload));
  return false;
}

/** POST with a digest that is not that of the bytes. */
export async function pushWrongly(session: Session, repository: string, blob: Blob): Promise<void> {
  const { store } = session;
  const upload = store.uploads.start({ repository, subject: SUBJECT, algorithm: 'sha256' });
  const bytes = Buffer.from(blob.bytes);
  bytes[0]! ^= 1;
  const outcome = await attempt(async () => {
    await append(upload, bytes, { persist: false });
    await store.uploads.finish(upload, blob.digest);
  });
  require(!('result' in outcome), `${short(blob.digest)} was taken with wrong bytes`);
  await attempt(() => store.uploads.cancel(upload));
}

/** POST that opens an upload. */
export function startUpload(session: Session, repository: string, blob: Blob): void {
  const { store, uploads, clock } = session;
  const { id } = store.uploads.start({ repository, subject: SUBJECT, algorithm: 'sha256' });
  uploads.push({ id, repository, blob, acked: 0, touched: clock(), over: 'no' });
}

function find({ store, clock }: Session, known: KnownUpload) {
  known.touched = clock();
  const upload = store.uploads.find(known.id, { repository: known.repository, subject: SUBJECT });
  if (upload === undefined) require(known.over !== 'no' || known.acked === 0, 'an upload is lost');
  else require(known.over !== 'surely', 'an upload that is over is back');
  return upload;
}

/** PATCH with the next third of the blob. */
export async function patch(session: Session, known: KnownUpload): Promise<void> {
  const upload = find(session, known);
  if (upload === undefined || upload.busy) return;
  const { bytes } = known.blob;
  const holdsAll = (): boolean => known.over !== 'no' || upload.size >= known.acked;
  require(holdsAll(), `an upload has ${upload.size} bytes, not ${known.acked}`);
  const chunk = bytes.subarray(upload.size, upload.size + Math.ceil(bytes.length / 3));
  const wanted = upload.size + chunk.length;
  const outcome = await attempt(() => append(upload, chunk, { persist: true }));
  if ('result' in outcome) {
    require(upload.size === wanted, `an upload has ${upload.size} bytes, not ${wanted}`);
    known.acked = wanted;
  } else if ('refused' in outcome) {
    require(known.over !== 'no', `an upload was refused: ${outcome.refused}`);
  } else require(holdsAll(), 'a failed write took acknowledged bytes');
}

/** PUT with the rest of the blob. */
export async function finishUpload(session: Session, known: KnownUpload): Promise<void> {
  const { store } = session;
  const upload = find(session, known);
  if (upload === undefined || upload.busy) return;
  if (known.over === 'no') known.over = 'perhaps';
  const { blob } = known;
  const outcome = await finish(session, known, async () => {
    await append(upload, blob.bytes.subarray(upload.size), { persist: false });
    await store.uploads.finish(upload, blob.digest);
  });
  if ('result' in outcome) known.over = 'surely';
}

/** DELETE of an upload. */
export async function cancelUpload(session: Session, known: KnownUpload): Promise<void> {
  const upload = find(session, known);
  if (upload === undefined) return;
  known.over = 'perhaps';
  const outcome = await attempt(() => session.store.uploads.cancel(upload));
  if ('result' in outcome) known.over = 'surely';
}

/** POST that mounts. */
export async function mount(
  session: Session,
  blob: Blob,
  [from, to]: readonly [string, string],
): Promise<void> {
  const { store, oracle, clock } = session;
  const { digest } = blob;
  const since = clock();
  const source = oracle.blob(from, digest);
  const link = oracle.begin(oracle.blob(to, digest), true);
  // Into itself it needs what it makes.
  const except = from === to ? link : undefined;
  const [present, absent] = [true, false].map((value) => oracle.watch(source, value, except));
  const outcome = await attempt(() => mountBlob(store.context, { digest, from: [from], to }));
  if ('result' in outcome && outcome.result) {
    link.done();
    oracle.renew(to, digest, since);
    require(present!.seen, `${short(digest)} was mounted from ${from}, where it is not`);
  } else {
    link.failed();
    if ('result' in outcome) require(absent!.seen, `${short(digest)} of ${from} was not mounted`);
  }
}

/** PUT of a manifest. */
export async function putManifestStep(
  session: Session,
  repository: string,
  manifest: Manifest,
  tags: readonly string[],
): Promise<boolean> {
  const { store, oracle } = session;
  const { digest, bytes, mediaType } = manifest;
  const needed = [
    ...manifest.blobs.map((one) => oracle.blob(repository, one.digest)),
    ...manifest.manifests.map((one) => oracle.manifest(repository, one.digest)),
  ];
  const promised: Promised[] = [
    oracle.begin(oracle.manifest(repository, digest), true),
    oracle.begin(oracle.keeps(repository, digest), true),
    ...tags.map((tag) => oracle.begin(oracle.tag(repository, tag), digest)),
  ];
  const present = needed.map((history) => oracle.watch(history, true));
  const absent = needed.map((history) => oracle.watch(history, false));
  const began = oracle.tick();
  const parsed = parseManifest(bytes, mediaType);
  const push = { repository, digest, bytes, parsed, tags, allowMissing: false };
  const outcome = await attempt(() => putManifest(store.context, push));
  if ('result' in outcome) {
    for (const one of promised) one.done();
    oracle.kept(repository, manifest);
    oracle.heal(digest, began);
    const all = present.every(({ seen }: Watcher) => seen);
    require(all, `manifest ${short(digest)} was taken although something was missing`);
    return true;
  }
  for (const one of promised) one.failed();
  if ('refused' in outcome) {
    const any = absent.some(({ seen }: Watcher) => seen);
    require(any, `manifest ${short(digest)} was refused although all of it was there`);
  }
  return false;
}

/** What a client does that pushes an image: it leaves out the blobs that are there. */
export async function pushImage(
  session: Session,
  repository: string,
  manifest: Manifest,
  tags: readonly string[],
): Promise<void> {
  for (const one of manifest.manifests) await pushImage(session, repository, one, []);
  for (const blob of manifest.blobs) {
    if (head(session, repository, blob)) continue;
    if (!(await push(session, repository, blob))) return;
  }
  await putManifestStep(session, repository, manifest, tags);
}

/** DELETE of a blob. */
export async function removeBlob(session: Session, repository: string, blob: Blob): Promise<void> {
  const { store, oracle } = session;
  const history = oracle.blob(repository, blob.digest);
  const removal = oracle.begin(history, false);
  const [present, absent] = [true, false].map((value) => oracle.watch(history, value, removal));
  const outcome = await attempt(() => deleteBlob(store.context, repository, blob.digest));
  if ('result' in outcome) {
    removal.done();
    require(present!.seen, `${short(blob.digest)} was deleted, which was not there`);
  } else {
    removal.failed();
    if ('refused' in outcome) {
      require(absent!.seen, `${short(blob.digest)} is there and was not deleted`);
    }
  }
}

/** DELETE of a manifest. */
export async function removeManifest(
  session: Session,
  repository: string,
  manifest: Manifest,
  tags: readonly string[],
): Promise<void> {
  const { store, oracle, undo } = session;
  const { digest } = manifest;
  const history = oracle.manifest(repository, digest);
  const removal = oracle.begin(history, false);
  const others: Promised[] = tags.map((tag) =>
    oracle.begin(oracle.tag(repository, tag), undefined, { value: digest }),
  );
  if (undo === 0) others.push(oracle.begin(oracle.keeps(repository, digest), false));
  const [present, absent] = [true, false].map((value) => oracle.watch(history, value, removal));
  const outcome = await attempt(() => deleteManifest(store.context, repository, digest));
  if ('result' in outcome) {
    for (const one of [removal, ...others]) one.done();
    require(present!.seen, `manifest ${short(digest)} was deleted, which was not there`);
  } else {
    for (const one of [removal, ...others]) one.failed();
    if ('refused' in outcome) {
      require(absent!.seen, `manifest ${short(digest)} is there and was not deleted`);
    }
  }
}

/** DELETE of a tag. */
export async function removeTag(session: Session, repository: string, tag: string): Promise<void> {
  const { store, oracle } = session;
  const history = oracle.tag(repository, tag);
  const removal = oracle.begin(history, undefined);
  const absent = oracle.watch(history, undefined, removal);
  const outcome = await attempt(() => deleteTag(store.context, repository, tag));
  if ('result' in outcome) removal.done();
  else {
    removal.failed();
    if ('refused' in outcome) require(absent.seen, `tag ${tag} is there and was not deleted`);
  }
}

/** Takes back the deletion of a manifest, with those of its tags that are free. */
export async function restore(
  session: Session,
  repository: string,
  manifest: Manifest,
  tags: readonly string[],
): Promise<void> {
  const { store, oracle } = session;
  const { digest } = manifest;
  const history = oracle.manifest(repository, digest);
  const coming = oracle.begin(history, true);
  const maybe = tags.map((tag) =>
    oracle.begin(oracle.tag(repository, tag), digest, { value: undefined }),
  );
  const absent = oracle.watch(history, false, coming);
  const outcome = await attempt(() => restoreManifest(store.context, repository, digest));
  if ('result' in outcome) {
    coming.done();
    oracle.kept(repository, manifest);
    // Which tags it had when it was deleted, the oracle does not know.
    for (const one of maybe) one.unsure();
    require(absent.seen, `manifest ${short(digest)} came back and was there`);
  } else for (const one of [coming, ...maybe]) one.failed();
}
