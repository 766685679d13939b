/** A memory store whose disk and database fail when the test wants them to. */
import type { KeyValueEngine } from '../../../src/storage/kv/types.ts';
import type { FileWriter, Target } from '../../../src/storage/target/types.ts';
import { memoryPlace, type StorePlace } from './stores.ts';

/** What can fail. */
export type Operation = 'create' | 'write' | 'sync' | 'open' | 'read' | 'remove' | 'commit';

/** Failures to come: each operation that is named fails until it is taken away again. */
export interface Faults {
  readonly failing: Set<Operation>;
  /** Code of the errors, ENOSPC to begin with; a failed read is EIO whatever this says. */
  code: string;
  /** How often each was asked for. */
  readonly counts: Record<Operation, number>;
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: on purpose`), { code });
}

/** A place in memory, and the switch for its faults. */
export function failingPlace(): { readonly place: StorePlace; readonly faults: Faults } {
  const faults: Faults = {
    failing: new Set(),
    code: 'ENOSPC',
    counts: { create: 0, write: 0, sync: 0, open: 0, read: 0, remove: 0, commit: 0 },
  };
  function pass(operation: Operation): void {
    faults.counts[operation]++;
    if (faults.failing.has(operation)) throw systemError(faults.code);
  }
  const wrapWriter = (inner: FileWriter): FileWriter => ({
    id: inner.id,
    async write(chunks, position) {
      const fails = faults.failing.has('write');
      // Half of it gets there, as on a real disk.
      if (fails) await inner.write([Buffer.concat(chunks).subarray(0, 1000)], position);
      pass('write');
      await inner.write(chunks, position);
    },
    async sync() {
      pass('sync');
      await inner.sync();
    },
    close: () => inner.close(),
  });
  const wrapTarget = (inner: Target): Target => ({
    ...inner,
    async create() {
      pass('create');
      return wrapWriter(await inner.create());
    },
    reopen: async (id, size) => wrapWriter(await inner.reopen(id, size)),
    async open(id) {
      pass('open');
      const reader = await inner.open(id);
      return {
        ...reader,
        read(buffer, into, callback) {
          faults.counts.read++;
          if (faults.failing.has('read')) setImmediate(() => callback(systemError('EIO'), 0));
          else reader.read(buffer, into, callback);
        },
      };
    },
    async remove(id) {
      pass('remove');
      await inner.remove(id);
    },
  });
  const wrapEngine = (inner: KeyValueEngine): KeyValueEngine => ({
    ...inner,
    async commit(batch) {
      pass('commit');
      await inner.commit(batch);
    },
  });
  return { place: memoryPlace({ engine: wrapEngine, target: wrapTarget }), faults };
}
