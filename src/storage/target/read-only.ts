/** The files of a target in a folder, for reading only: none is made, changed or removed. */
import { stat } from 'node:fs/promises';
import { ReadOnlyError } from '../kv/read-only.ts';
import { createHandles } from './handles.ts';
import { pathOf } from './paths.ts';
import type { Target } from './types.ts';

const refuse = (): Promise<never> => Promise.reject(new ReadOnlyError());

/**
 * Opens the target in a folder.
 * @param root - the folder; need not exist
 */
export function openReadOnlyTarget(root: string): Target {
  const handles = createHandles((id) => pathOf(root, id));
  return {
    create: refuse,
    reopen: refuse,
    remove: refuse,
    open: (id) => handles.acquire(id),
    // Whoever goes over all files does so to remove some.
    files: async function* () {},
    allocated: async (id) => (await stat(pathOf(root, id))).blocks * 512,
    // Nothing may be written.
    space: async () => ({ free: 0, total: 0 }),
    close: async () => handles.closeAll(),
  };
}
