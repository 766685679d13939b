/** The engines that every compliance test of the metadata store runs on. */
import { join } from 'node:path';
import { openLmdbEngine } from '../../../src/storage/kv/lmdb.ts';
import { createMemoryEngine } from '../../../src/storage/kv/memory.ts';
import type { KeyValueEngine } from '../../../src/storage/kv/types.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';

/** A place for one engine. */
export interface EnginePlace {
  readonly name: string;
  /** An engine with nothing in it. */
  open(): Promise<KeyValueEngine>;
  /** Removes what the engine, which is closed by now, has left. */
  remove(): Promise<void>;
}

function lmdbPlace(): EnginePlace {
  let folder = '';
  return {
    name: 'LMDB',
    async open() {
      folder = await makeTemporary('engine');
      return openLmdbEngine(join(folder, 'metadata.mdb'));
    },
    remove: () => removeTemporary(folder),
  };
}

function memoryPlace(): EnginePlace {
  return {
    name: 'memory',
    open: async () => createMemoryEngine(),
    remove: async () => undefined,
  };
}

/** One maker for each engine. */
export const ENGINE_PLACES: readonly (() => EnginePlace)[] = [lmdbPlace, memoryPlace];
