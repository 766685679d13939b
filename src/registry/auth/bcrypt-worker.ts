/** The body of a bcrypt thread: one comparison at a time, see bcrypt-pool.ts. */
import { parentPort } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';

/** One comparison to make. */
export interface Comparison {
  readonly password: string;
  readonly hashed: string;
}

parentPort?.on('message', ({ password, hashed }: Comparison) => {
  parentPort?.postMessage(compareSync(password, hashed));
});
