import { beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { createMemoryEngine } from '../../../src/storage/kv/memory.ts';
import { openKeyValueStore } from '../../../src/storage/kv/store.ts';
import { assembleStore, type Store } from '../../../src/storage/store.ts';
import { createMemoryFiles, createMemoryTarget } from '../../../src/storage/target/memory.ts';
import type { Sidecar } from '../../../src/storage/uploads/sidecar.ts';
import type { Upload } from '../../../src/storage/uploads/upload.ts';
import { append, bytesOf, pullBlob, startUpload } from '../support/content.ts';
import { createMemorySidecars } from '../support/stores.ts';

const OWNER = { repository: 'a', subject: '' };
const BYTES = bytesOf('upload', 100_000);

/** A machine on which the server is started again and again. */
function createMachine() {
  const engine = createMemoryEngine();
  const files = createMemoryFiles();
  const sidecars = new Map<string, Sidecar>();
  let boot = 1;
  return {
    start: () =>
      assembleStore(
        {
          kv: openKeyValueStore({ ...engine, close: async () => undefined }),
          sidecars: createMemorySidecars(sidecars, `boot ${boot}`),
          openTarget: async (allocate) => createMemoryTarget({ files, allocate }),
          release: () => undefined,
        },
        {},
      ),
    /** As file systems do it: of what was not synced the length may be there, and not the bytes. */
    losePower(): void {
      boot++;
      for (const [id, bytes] of files.written) {
        const left = Buffer.alloc(bytes.length);
        files.synced.get(id)!.copy(left);
        files.written.set(id, left);
      }
    },
  };
}

describe('decisions 2: an upload tells of bytes that are really there', () => {
  let machine: ReturnType<typeof createMachine>;
  let store: Store;
  beforeEach(async () => {
    machine = createMachine();
    store = await machine.start();
  });
  const again = async (id: string): Promise<Upload> => {
    store = await machine.start();
    return store.uploads.find(id, OWNER)!;
  };
  async function goOn(upload: Upload): Promise<void> {
    await append(upload, BYTES.subarray(upload.size), { persist: false });
    await store.uploads.finish(upload, digestOf(BYTES));
    expect(await pullBlob(store, 'a', digestOf(BYTES))).toEqual(BYTES);
    await store.close();
  }

  it('after kill -9 all that were acknowledged', async () => {
    const { id } = startUpload(store);
    await append(store.uploads.find(id, OWNER)!, BYTES.subarray(0, 50_000), { persist: true });
    const upload = await again(id);
    expect(upload.size).toBe(50_000);
    await goOn(upload);
  });

  it('after power loss none, though the file has its length', async () => {
    const { id } = startUpload(store);
    await append(store.uploads.find(id, OWNER)!, BYTES.subarray(0, 50_000), { persist: true });
    machine.losePower();
    const upload = await again(id);
    expect(upload.size).toBe(0);
    await goOn(upload);
  });

  it('after an orderly stop all, also when the power goes afterwards', async () => {
    const { id } = startUpload(store);
    await append(store.uploads.find(id, OWNER)!, BYTES.subarray(0, 50_000), { persist: true });
    await store.close();
    machine.losePower();
    const upload = await again(id);
    expect(upload.size).toBe(50_000);
    await goOn(upload);
  });

  it('after power loss those of the last orderly stop, and not what came since', async () => {
    const { id } = startUpload(store);
    await append(store.uploads.find(id, OWNER)!, BYTES.subarray(0, 50_000), { persist: true });
    await store.close();
    await append(await again(id), BYTES.subarray(50_000, 60_000), { persist: true });
    machine.losePower();
    const upload = await again(id);
    expect(upload.size).toBe(50_000);
    await goOn(upload);
  });

  it('in the run of the machine after that, all that were acknowledged in it', async () => {
    const { id } = startUpload(store);
    await append(store.uploads.find(id, OWNER)!, BYTES.subarray(0, 50_000), { persist: true });
    machine.losePower();
    await append(await again(id), BYTES.subarray(0, 20_000), { persist: true });
    const upload = await again(id);
    expect(upload.size).toBe(20_000);
    await goOn(upload);
  });
});
