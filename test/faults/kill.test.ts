import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startRandom } from '../support/random.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { Ledger } from './ledger.ts';
import { checkRecovery } from './recovery.ts';
import { KILL_ROUNDS, SEED, timeFor } from './rounds.ts';
import { LEASE, type Served, serveCheck, serveLoad } from './servers.ts';
import { sharedBlobs, startWorkload } from './workload.ts';

/** Longest time under load before the server is killed, milliseconds. */
const MAX_LOAD = 3000;

describe(`kill -9 at random moments (FAULT_SEED=${SEED})`, () => {
  let folder: string;
  beforeEach(async () => {
    folder = await makeTemporary('kill');
  });
  afterEach(() => removeTemporary(folder));

  const kill = async ({ server, client }: Served): Promise<number> => {
    await server.kill();
    client.close();
    return Date.now();
  };

  it(`decisions 2: ${KILL_ROUNDS} rounds: what was acknowledged is served, nothing else is left`, {
    timeout: timeFor(KILL_ROUNDS),
  }, async () => {
    const random = startRandom(SEED);
    const ledger = new Ledger(LEASE);
    const dataDir = join(folder, 'data');
    const shared = sharedBlobs(`${SEED}`, random);
    let acknowledged = 0;
    let served = 0;
    for (let round = 1; round <= KILL_ROUNDS; round++) {
      const load = await serveLoad(dataDir);
      const options = { ledger, random: random.fork(), shared, label: `${SEED} ${round}` };
      const workload = startWorkload(load.client, options);
      await sleep(random.between(50, MAX_LOAD));
      workload.expectCrash();
      let at = await kill(load);
      await workload.stop();
      expect(workload.problems, `round ${round}, under load`).toEqual([]);
      acknowledged += workload.acknowledged;

      if (random.chance(0.25)) {
        // Once more in the middle of a collection.
        const victim = await serveCheck(dataDir);
        await victim.operations.collection.start({ dryRun: false });
        await sleep(random.below(30));
        at = Math.max(await kill(victim), at + LEASE);
      }
      const checked = await serveCheck(dataDir);
      const crash = { dataDir, ledger, at, keepsUploads: true };
      const verdict = await checkRecovery(checked, crash);
      expect(verdict.problems, `round ${round}, after the crash`).toEqual([]);
      served += verdict.served;
      await kill(checked);
    }
    console.log(`${KILL_ROUNDS} kills, ${acknowledged} deeds, ${served} names served afterwards`);
    expect(served).toBeGreaterThan(KILL_ROUNDS);
  });
});
