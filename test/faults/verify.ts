/** Compares what a registry serves with what its clients were told before it crashed. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryClient } from '../conformance/client.ts';
import type { RegistryResponse } from '../conformance/response.ts';
import { blobPath, finishUpload, get, getManifest, heldBytes, remove } from './api.ts';
import { digestOf, INLINE_MAX } from './contents.ts';
import type { Entry, Ledger, Unanswered, Upload, Value } from './ledger.ts';
import { REPOSITORIES } from './workload.ts';

/** Empty files that a server keeps ready, at most: its stock and what is left when it fills it up. */
const MAX_READY_FILES = 64 + 16;

/** How a crash is judged. */
export interface VerifyOptions {
  readonly client: RegistryClient;
  readonly ledger: Ledger;
  /** When the server was gone for certain, milliseconds since 1970. */
  readonly at: number;
  /** Whether the acknowledged bytes of uploads survive: they do after `kill -9`, not power loss. */
  readonly keepsUploads: boolean;
}

/** What was looked at and what was wrong. */
export interface Verdict {
  readonly problems: readonly string[];
  /** Names that had to be served, and were. */
  readonly served: number;
}

const show = (value: Value): string => value ?? 'nothing';
const nameOf = ({ repository, kind, name }: Entry): string => `${kind} ${name} of ${repository}`;

class Judge {
  readonly problems: string[] = [];
  readonly found = new Map<Entry, Value>();
  served = 0;
  readonly #options: VerifyOptions;

  constructor(options: VerifyOptions) {
    this.#options = options;
  }

  /** What is under a name: 404, or 200 with bytes that have the digest which is claimed. */
  #read(entry: Entry, answer: RegistryResponse): Value {
    if (answer.status === 404) return undefined;
    const claimed = answer.get('docker-content-digest') ?? '';
    const isWhole =
      answer.status === 200 && digestOf(answer.body, claimed || undefined) === claimed;
    if (!isWhole || (entry.kind !== 'tag' && claimed !== entry.name)) {
      this.problems.push(
        `${nameOf(entry)}: status ${answer.status}, ${answer.body.length} bytes claimed as ${claimed}`,
      );
    }
    return claimed;
  }

  async #look(entry: Entry): Promise<void> {
    const { client, ledger, at } = this.#options;
    const { repository, kind, name } = entry;
    let value: Value;
    try {
      value = this.#read(
        entry,
        kind === 'blob'
          ? await get(client, blobPath(repository, name))
          : await getManifest(client, repository, name),
      );
    } catch (error) {
      this.problems.push(`${nameOf(entry)}: ${(error as Error).message}`);
      return;
    }
    const expected = ledger.expected(entry, at);
    if (!expected.has(value)) {
      const wanted = [...expected].map(show).join(' or ');
      const why = ledger.reasonFor(entry, at);
      this.problems.push(`${nameOf(entry)}: ${show(value)}, not ${wanted} (${why})`);
    } else if (value !== undefined) this.served++;
    this.found.set(entry, value);
  }

  /** What was found under a name that something was done to. */
  #valueOf(repository: string, kind: Entry['kind'], name: string): Value {
    for (const [entry, value] of this.found) {
      if (entry.repository === repository && entry.kind === kind && entry.name === name) {
        return value;
      }
    }
    return undefined;
  }

  /** Lists agree with single names, and manifests with what they refer to. */
  async #checkRepository(repository: string): Promise<void> {
    const { client, ledger } = this.#options;
    const here = [...this.found].filter(
      ([entry, value]) => entry.repository === repository && value !== undefined,
    );
    const names = (kind: Entry['kind']): string[] =>
      here.filter(([entry]) => entry.kind === kind).map(([{ name }]) => name);
    const manifests = new Set(names('manifest'));
    const blobs = new Set(names('blob'));
    for (const [entry, value] of here) {
      if (entry.kind === 'tag' && !manifests.has(value!)) {
        this.problems.push(`${nameOf(entry)}: ${show(value)} is not served by digest`);
      }
      if (entry.kind !== 'manifest') continue;
      for (const reference of ledger.manifest(entry.name)!.references) {
        // Whether something it refers to was deleted on its own is not asked by the workload.
        if (blobs.has(reference) || manifests.has(reference)) continue;
        this.problems.push(`${nameOf(entry)}: ${reference} is missing`);
      }
    }
    const tags = await get(client, `/v2/${repository}/tags/list`);
    const listed = tags.status === 200 ? tags.json<{ tags: string[] }>().tags : [];
    this.#compare(`tags of ${repository}`, listed, names('tag'));
    const subjects = [...manifests].map((digest) => ledger.manifest(digest)!.subject);
    for (const subject of new Set(subjects)) {
      if (subject === undefined) continue;
      const answer = await get(client, `/v2/${repository}/referrers/${subject}`);
      const entries = answer.json<{ manifests: { digest: string }[] }>().manifests;
      this.#compare(
        `referrers of ${subject} in ${repository}`,
        entries.map(({ digest }) => digest),
        [...manifests].filter((digest) => ledger.manifest(digest)!.subject === subject),
      );
    }
  }

  #compare(what: string, listed: readonly string[], served: readonly string[]): void {
    const [a, b] = [listed, served].map((list) => [...list].sort().join(', '));
    if (a !== b) this.problems.push(`${what}: ${a} are listed, ${b} are served`);
  }

  /** What was not answered happened as a whole or not at all. */
  #checkAtomicity({ operation, before }: Unanswered): void {
    const outcomes = new Set<boolean>();
    for (const change of operation.changes) {
      const [old, ...others] = before.get(change)!;
      if (others.length > 0 || old === change.to) continue;
      const value = this.#valueOf(operation.repository, change.kind, change.name);
      if (value === change.to) outcomes.add(true);
      else if (value === old) outcomes.add(false);
    }
    if (outcomes.size < 2) return;
    const what = operation.changes.map(({ kind, name }) => `${kind} ${name}`).join(', ');
    this.problems.push(`half of a change happened in ${operation.repository}: ${what}`);
  }

  /** Goes on with an upload where it stands and makes a blob of it. */
  async #resume(upload: Upload): Promise<void> {
    const { client, ledger, keepsUploads, at } = this.#options;
    const { path, repository, blob, acked, sent, ending } = upload;
    const { digest, bytes } = blob;
    const status = await get(client, path);
    // The request under way may have made a blob of it: then the session is over, or, as its id is
    // all that is left of it, empty.
    const isBlob = this.#valueOf(repository, 'blob', digest) === digest;
    const isOver = ending && (isBlob || ledger.mayBeCollected(repository, digest, at));
    const least = keepsUploads && !isOver ? acked : 0;
    if (status.status === 404) {
      if (!keepsUploads || isOver) return;
      this.problems.push(`an upload with ${acked} bytes is gone, and no blob ${digest}`);
      return;
    }
    const held = heldBytes(status);
    if (status.status !== 204 || !(held >= least && held <= sent)) {
      this.problems.push(`${status.describe()}: ${held} bytes, not ${least} to ${sent}`);
      return;
    }
    const rest = bytes.subarray(held);
    const answer = await finishUpload(client, path, { digest, rest });
    if (answer.status !== 201) this.problems.push(`${answer.describe()} after ${held} bytes`);
    const settled = ledger.begin(repository, [{ kind: 'blob', name: digest, to: digest }]);
    settled.done();
  }

  async run(): Promise<void> {
    const { client, ledger, keepsUploads } = this.#options;
    const entries = [...ledger.entries()];
    // One after the other in each repository: more at once would only wait.
    await Promise.all(
      REPOSITORIES.map(async (repository) => {
        for (const entry of entries) {
          if (entry.repository === repository) await this.#look(entry);
        }
      }),
    );
    for (const repository of REPOSITORIES) await this.#checkRepository(repository);
    for (const one of ledger.unanswered()) this.#checkAtomicity(one);
    ledger.resolve(this.found);
    for (const upload of ledger.uploads.values()) await this.#resume(upload);
    // A crash between the answer and the tidying up may leave a session until it expires.
    for (const { path } of ledger.finished) await remove(client, path);
    if (keepsUploads) ledger.finished.length = 0;
    ledger.uploads.clear();
  }
}

/** Checks everything, goes on with the open uploads, and makes the ledger say what was found. */
export async function verify(options: VerifyOptions): Promise<Verdict> {
  const judge = new Judge(options);
  await judge.run();
  const { problems, served } = judge;
  return { problems, served };
}

/** Digests that are served somewhere, with the size of their content unknown. */
function servedDigests(ledger: Ledger): Set<string> {
  const digests = new Set<string>();
  for (const { kind, name, possible } of ledger.entries()) {
    if (kind !== 'tag' && possible.has(name)) digests.add(name);
  }
  return digests;
}

/** The files of a data directory that hold bytes of blobs. */
export interface DiskVerdict {
  readonly problems: readonly string[];
  /** Files with content. */
  readonly files: number;
}

/**
 * Checks that the files are those that served content needs, each once, and the empty ones that are
 * kept ready. To be called when all uploads have ended and a collection has been run.
 * @param sizeOf - bytes of a digest that is served
 */
export async function verifyDisk(dataDir: string, ledger: Ledger): Promise<DiskVerdict> {
  const problems: string[] = [];
  const wanted = servedDigests(ledger);
  const inFiles = new Set<string>();
  let empty = 0;
  const root = join(dataDir, 'blobs');
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    if (bytes.length === 0) {
      empty++;
      continue;
    }
    const digest = [digestOf(bytes), digestOf(bytes, 'sha512:')].find((one) => wanted.has(one));
    if (digest === undefined) {
      problems.push(`${path} has ${bytes.length} bytes that nothing needs`);
    } else if (inFiles.has(digest)) problems.push(`${path} holds ${digest} once more`);
    else if (bytes.length <= INLINE_MAX) problems.push(`${path} holds small content`);
    else inFiles.add(digest);
  }
  if (empty > MAX_READY_FILES) problems.push(`${empty} empty files`);
  const left = await readdir(join(dataDir, 'uploads'));
  if (left.length > 0) problems.push(`uploads that nobody has: ${left.join(', ')}`);
  return { problems, files: inFiles.size };
}
