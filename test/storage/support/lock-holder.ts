/** A process that opens a data directory, says so and stays: `lock-holder.ts lock|store FOLDER`. */
import { lockDirectory } from '../../../src/storage/lock.ts';
import { openStore } from '../../../src/storage/store.ts';

const [, , what, folder = ''] = process.argv;
try {
  const held = what === 'lock' ? lockDirectory(folder) : await openStore(folder);
  process.stdout.write('held\n');
  process.stdin.on('end', async () => {
    if ('close' in held) await held.close();
    else held.release();
    process.exit(0);
  });
  process.stdin.resume();
} catch (error) {
  process.stdout.write(`${(error as Error).name}: ${(error as Error).message}\n`);
}
