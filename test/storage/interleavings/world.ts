/** Carries out a schedule on a store, and checks after each step that no promise is broken. */
import { findContent } from '../../../src/storage/content.ts';
import { findTag } from '../../../src/storage/manifests.ts';
import { keys, lastPart, ranges } from '../../../src/storage/metadata/keys.ts';
import type { ContentRecord } from '../../../src/storage/metadata/records.ts';
import type { Store, StoreOptions } from '../../../src/storage/store.ts';
import { filesInUse, findContradictions } from '../support/consistency.ts';
import * as clients from './clients.ts';
import { createDisk } from './disk.ts';
import { createGates, type Gates, settle } from './gates.ts';
import type { History } from './histories.ts';
import { allTags, createOracle } from './oracle.ts';
import { type Act, type Step, TIMES } from './schedule.ts';
import { BLOBS, BYTES, INLINE_MAX, MANIFESTS, REPOSITORIES, TAGS, Violation } from './universe.ts';

/** Long enough for every lease, upload and deleted thing to be over. */
const AGES = 2 * (TIMES.lease + TIMES.undo + TIMES.expire);
/** Turns in which everything must have ended once nothing is held back. */
const PATIENCE = 200;

/** A store, the disk below it, and the clients above it. */
export function createWorld(undo: number) {
  const disk = createDisk();
  let now = 1_000_000;
  const clock = (): number => now;
  const oracle = createOracle({ clock, lease: TIMES.lease, undo });
  const uploads: clients.KnownUpload[] = [];
  const problems: unknown[] = [];
  /** Failures of the disk since the process began. */
  let faults = { all: 0, removals: 0 };
  /** What a read has failed of since the process began. */
  const unreadable = new Set<string>();
  let gates: Gates;
  let store: Store;
  /** Operations under way; of a process that has died none ever ends. */
  let live = { count: 0 };
  let checkedCommits = -1;

  const options: StoreOptions = {
    clock,
    collectEvery: 0,
    scrubPeriod: 0,
    logger: {
      info: () => undefined,
      warn: () => undefined,
      error(fields, message) {
        if (message === 'collection failed' && faults.all > 0) return;
        const { digest } = fields as { readonly digest?: string };
        // Who cannot be read is taken out of service; nobody else is.
        if (message === 'content quarantined' && unreadable.has(digest!)) return;
        problems.push(new Violation(`${message}: ${JSON.stringify(fields)}`));
      },
    },
    settings: {
      inlineMax: INLINE_MAX,
      lease: TIMES.lease,
      undo,
      uploads: { expire: TIMES.expire, maxSize: 0, maxSessions: 1000 },
    },
  };

  async function boot(): Promise<void> {
    live = { count: 0 };
    faults = { all: 0, removals: 0 };
    gates = createGates();
    gates.isOpen = true;
    unreadable.clear();
    store = await disk.open(gates, options, (file) => {
      const value = disk.engine.get(keys.file(file));
      // That of an upload holds nothing that anybody could ask for.
      if (value === undefined) return;
      const digest = Buffer.from(value).toString();
      unreadable.add(digest);
      oracle.damage(digest);
    });
    gates.isOpen = false;
    oracle.crash([...disk.engine.keys(ranges.quarantined())].map(lastPart));
    for (const known of uploads) {
      // Its id still proves itself, so it can be begun anew.
      if (known.over === 'surely') known.over = 'perhaps';
      if (known.over !== 'no' || known.acked === 0) continue;
      const { id, repository, acked } = known;
      const size = store.uploads.find(id, { repository, subject: clients.SUBJECT })?.size ?? 0;
      known.touched = now;
      if (size < acked) throw new Violation(`of ${acked} bytes of an upload ${size} are left`);
    }
  }

  async function perform(act: Act): Promise<void> {
    const session = { store, oracle, clock, undo, uploads };
    const repository = 'repository' in act ? REPOSITORIES[act.repository]! : '';
    const blob = 'blob' in act ? BLOBS[act.blob]! : BLOBS[0]!;
    const manifest = 'manifest' in act ? MANIFESTS[act.manifest]! : MANIFESTS[0]!;
    const tag = 'tag' in act ? TAGS[act.tag]! : '';
    const upload = 'upload' in act ? uploads[act.upload % uploads.length] : undefined;
    switch (act.act) {
      case 'head':
        clients.head(session, repository, blob);
        break;
      case 'get':
        return await clients.get(session, repository, blob);
      case 'push':
        await clients.push(session, repository, blob);
        break;
      case 'push-wrongly':
        return await clients.pushWrongly(session, repository, blob);
      case 'remove-blob':
        return await clients.removeBlob(session, repository, blob);
      case 'start-upload':
        return clients.startUpload(session, repository, blob);
      case 'patch':
        return upload && (await clients.patch(session, upload));
      case 'finish-upload':
        return upload && (await clients.finishUpload(session, upload));
      case 'cancel-upload':
        return upload && (await clients.cancelUpload(session, upload));
      case 'mount':
        return await clients.mount(session, blob, [REPOSITORIES[act.from]!, REPOSITORIES[act.to]!]);
      case 'put-manifest':
        await clients.putManifestStep(session, repository, manifest, [tag]);
        break;
      case 'push-image':
        return await clients.pushImage(session, repository, manifest, [tag]);
      case 'remove-manifest':
        return await clients.removeManifest(session, repository, manifest, TAGS);
      case 'restore':
        return await clients.restore(session, repository, manifest, TAGS);
      case 'remove-tag':
        return await clients.removeTag(session, repository, tag);
      case 'collect':
        return await collect(act.dryRun);
    }
  }

  async function collect(dryRun: boolean): Promise<void> {
    if (dryRun) return void (await store.collector.run({ dryRun }));
    if (oracle.isCollecting) return;
    oracle.cycle(true);
    noteTime();
    const { error } = await store.collector.run({ dryRun });
    oracle.cycle(false);
    if (error !== undefined && faults.all === 0) throw new Violation(`collection: ${error}`);
  }

  function start(act: Act): void {
    // Ids of uploads hold the time, and are only told apart by chance within a millisecond.
    now++;
    const own = live;
    own.count++;
    perform(act)
      .catch((error: unknown) => problems.push(error))
      .finally(() => own.count--);
  }

  /** Opens all gates until everything has ended. */
  async function finishAll(): Promise<void> {
    gates.isOpen = true;
    for (let i = 0; live.count > 0; i++) {
      if (i === PATIENCE) throw new Violation('an operation never ends');
      await settle();
    }
    await settle();
  }

  async function restart(): Promise<void> {
    await finishAll();
    check();
    await store.close();
    now++;
    await boot();
  }

  async function crash(step: Step & { readonly act: 'crash' }): Promise<void> {
    gates.kill(step.pick ?? undefined);
    await settle();
    if (step.power) {
      disk.losePower(step.keepSidecars);
      for (const known of uploads) known.acked = 0;
    }
    now++;
    await boot();
  }

  function noteTime(): void {
    for (const known of uploads) {
      const isQuiet = now - known.touched >= TIMES.expire;
      if (oracle.isCollecting && isQuiet && known.over === 'no') known.over = 'perhaps';
    }
    oracle.update();
  }

  async function take(step: Step): Promise<void> {
    switch (step.act) {
      case 'release':
        gates.release(step.pick);
        break;
      case 'fail':
        if (gates.waiting.length === 0) break;
        faults.all++;
        if (gates.waiting[step.pick % gates.waiting.length] === 'remove') faults.removals++;
        gates.fail(step.pick);
        break;
      case 'advance':
        now += step.by;
        break;
      case 'restart':
        await restart();
        break;
      case 'crash':
        await crash(step);
        break;
      default:
        start(step);
    }
  }

  /** Compares what is to be seen of a thing with what may be. */
  function see<T>(history: History<T>, value: T, name: string): void {
    if (!history.allows(value)) throw new Violation(`${name} must not be ${value}`);
    if (history.pending.length === 0) history.observe(value, oracle.tick());
  }

  /** Everything durable has its bytes, and would have them after power loss. */
  function checkBytes(): void {
    for (const [key, value] of disk.engine.entries({ from: 'c ', to: 'c!' })) {
      const digest = key.slice(2);
      const { file } = JSON.parse(Buffer.from(value).toString()) as ContentRecord;
      const copies =
        file === undefined
          ? [disk.engine.get(`i ${digest}`)]
          : [disk.files.written.get(file), disk.files.synced.get(file)];
      for (const bytes of copies) {
        if (bytes === undefined || !BYTES.get(digest)!.equals(bytes)) {
          throw new Violation(`${digest} (file ${file}) has lost its bytes`);
        }
      }
    }
  }

  function check(): void {
    if (problems.length > 0) throw problems[0];
    const { context } = store;
    const isHeld = (key: string, digest: string): boolean => {
      const isThere = context.kv.has(key);
      if (isThere && disk.engine.get(key) === undefined) {
        throw new Violation(`${key} shows and is not durable`);
      }
      if (isThere && findContent(context, digest) === undefined && !oracle.isDamaged(digest)) {
        throw new Violation(`${key} shows and has no content`);
      }
      return isThere;
    };
    const uses = [...disk.engine.keys({ from: 'u ', to: 'u!' })];
    for (const repository of REPOSITORIES) {
      for (const { digest } of BLOBS) {
        const isThere = isHeld(`l ${repository} ${digest}`, digest);
        see(oracle.blob(repository, digest), isThere, `blob ${repository} ${digest}`);
      }
      for (const { digest } of MANIFESTS) {
        const isThere = isHeld(`m ${repository} ${digest}`, digest);
        see(oracle.manifest(repository, digest), isThere, `manifest ${repository} ${digest}`);
        const keeps = oracle.keeps(repository, digest);
        const isKeeping = uses.some(
          (key) => key.startsWith(`u ${repository} `) && key.endsWith(digest),
        );
        if (keeps.pending.length === 0) see(keeps, isKeeping, `hold of ${repository} ${digest}`);
      }
    }
    for (const [repository, tag] of allTags()) {
      const digest = findTag(context, repository, tag)?.digest;
      see(oracle.tag(repository, tag), digest, `tag ${repository} ${tag}`);
    }
    checkBytes();
    if (disk.commits === checkedCommits) return;
    checkedCommits = disk.commits;
    const found = findContradictions(disk.engine, (id) => disk.files.written.get(id));
    if (found.length > 0) throw new Violation(found.join('; '));
  }

  /** Only what is referred to is left, and no file too many. */
  function checkLeftovers(): void {
    const all = [...disk.engine.keys({ from: ' ', to: '~' })];
    const has = (prefix: string): boolean => all.some((key) => key.startsWith(prefix));
    for (const kind of ['x ', 'dm ', 'dt ']) {
      if (has(kind))
        throw new Violation(`entries are left: ${all.filter((k) => k.startsWith(kind))}`);
    }
    for (const key of all.filter((one) => one.startsWith('l '))) {
      const [, repository, digest] = key.split(' ');
      if (!has(`u ${repository} ${digest} `)) throw new Violation(`${key} is left`);
    }
    for (const repository of REPOSITORIES) {
      const isEmpty = !has(`l ${repository} `) && !has(`m ${repository} `);
      if (isEmpty && has(`r ${repository}`)) throw new Violation(`${repository} is left`);
    }
    const files = [...disk.files.written.keys()].sort((a, b) => a - b);
    if (`${files}` !== `${filesInUse(disk.engine)}`) {
      throw new Violation(`files ${files} are there, ${filesInUse(disk.engine)} are needed`);
    }
    if (disk.sidecars.size > 0) throw new Violation('sidecars are left');
  }

  async function collectAll(): Promise<void> {
    now += AGES;
    for (let i = 0; i < 3; i++) {
      start({ act: 'collect', dryRun: false });
      await finishAll();
      check();
    }
  }

  return {
    /** Starts the first process. */
    boot,
    /** Takes one step, lets all happen that it makes possible, and looks at everything. */
    async step(step: Step): Promise<void> {
      await take(step);
      noteTime();
      await settle();
      noteTime();
      check();
    },
    /** What waits now, for a trace. */
    get waiting() {
      return gates.waiting;
    },
    /** Lets everything end; when all leases are over only what is referred to may be left. */
    async end(): Promise<void> {
      await finishAll();
      check();
      await collectAll();
      // A file that could not be removed is found by the next process.
      if (faults.removals === 0) checkLeftovers();
      await restart();
      await collectAll();
      checkLeftovers();
      await store.close();
    },
  };
}
