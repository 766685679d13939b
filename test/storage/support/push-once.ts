/**
 * Pushes to a store between two marks on standard output, so that the system calls between them can
 * be counted: `push-once.ts FOLDER small|blob|image|together`.
 */
import { writeSync } from 'node:fs';
import { openStore } from '../../../src/storage/store.ts';
import { bytesOf, imageOf, pushBlob, pushManifest } from './content.ts';

const [, , folder = '', what] = process.argv;
const MIB = 1024 * 1024;
const store = await openStore(folder, { collectEvery: 0, scrubPeriod: 0 });
// The stock of files is made by then, and the code has run once.
await pushBlob(store, 'warm/up', bytesOf('warm-up', MIB));
const layers = [bytesOf('one', MIB), bytesOf('two', MIB)];
const config = bytesOf('config', 2000);
writeSync(1, 'BEGIN\n');
if (what === 'small') await pushBlob(store, 'a', bytesOf('small', 1000));
else if (what === 'blob') await pushBlob(store, 'a', layers[0]!);
else {
  const blobs = [config, ...layers];
  if (what === 'together') await Promise.all(blobs.map((bytes) => pushBlob(store, 'a', bytes)));
  else for (const bytes of blobs) await pushBlob(store, 'a', bytes);
  await pushManifest(store, 'a', imageOf(blobs), { tags: ['latest'] });
}
writeSync(1, 'END\n');
await store.close();
