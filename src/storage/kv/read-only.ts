/** A database of which nothing is changed, whatever those who work on it try. */
import type { KeyValueEngine } from './types.ts';

/** Something was to be changed in what was opened for reading. */
export class ReadOnlyError extends Error {
  override readonly name = 'ReadOnlyError';

  constructor() {
    super('it was opened for reading only');
  }
}

/** Makes an engine refuse all commits; it is closed with the one that it stands for. */
export function readOnlyEngine(engine: KeyValueEngine): KeyValueEngine {
  return {
    get: (key) => engine.get(key),
    entries: (range) => engine.entries(range),
    keys: (range) => engine.keys(range),
    commit: () => Promise.reject(new ReadOnlyError()),
    close: () => engine.close(),
  };
}
