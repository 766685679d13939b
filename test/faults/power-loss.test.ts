import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { randomLike } from '../support/images.ts';
import { startRandom } from '../support/random.ts';
import { describeWith, needsRoot, requireTool } from '../support/tools.ts';
import { Ledger } from './ledger.ts';
import { buildPowerRig } from './power-rig.ts';
import { checkRecovery } from './recovery.ts';
import { POWER_ROUNDS, SEED, timeFor } from './rounds.ts';
import { afterReboot, LEASE, serveCheck, serveLoad } from './servers.ts';
import { sharedBlobs, startWorkload } from './workload.ts';

/** Longest time under load before a snapshot, milliseconds. */
const MAX_LOAD = 2000;
/** Files that are written just before a snapshot, and bytes of each. */
const CONTROLS = 10;
const CONTROL_SIZE = 64 * 1024;
/** Milliseconds after which the server on a copy ends uploads that nobody goes on with. */
const EXPIRE = 1000;

/** Writes files that the power loss may take, or, synced, may not. */
async function writeControls(folder: string, label: string, synced: boolean): Promise<void> {
  await mkdir(folder);
  for (let i = 0; i < CONTROLS; i++) {
    const file = await open(join(folder, String(i)), 'w');
    await file.writeFile(randomLike(`${label} ${i}`, CONTROL_SIZE));
    if (synced) await file.sync();
    await file.close();
  }
  if (!synced) return;
  const entries = await open(folder);
  await entries.sync();
  await entries.close();
}

/** How many of the files are not there as they were written. */
async function countLost(folder: string, label: string): Promise<number> {
  let lost = 0;
  for (let i = 0; i < CONTROLS; i++) {
    const bytes = await readFile(join(folder, String(i))).catch(() => Buffer.alloc(0));
    if (!bytes.equals(randomLike(`${label} ${i}`, CONTROL_SIZE))) lost++;
  }
  return lost;
}

const tools = [
  needsRoot(await requireTool('mkfs.xfs', 'xfsprogs')),
  needsRoot(await requireTool('mkfs.ext4', 'e2fsprogs')),
  needsRoot(await requireTool('losetup', 'mount')),
  needsRoot(await requireTool('unshare', 'util-linux')),
];

describeWith(tools, `power loss under load (FAULT_SEED=${SEED})`, () => {
  it(`decisions 2: ${POWER_ROUNDS} snapshots of the disk: what was acknowledged is served`, {
    timeout: timeFor(POWER_ROUNDS),
  }, async () => {
    const random = startRandom(SEED);
    const shared = sharedBlobs(`${SEED}`, random);
    const ledger = new Ledger(LEASE);
    await using rig = await buildPowerRig();
    await using load = await serveLoad(join(rig.root, 'data'));
    let acknowledged = 0;
    let served = 0;
    let lost = 0;
    for (let round = 1; round <= POWER_ROUNDS; round++) {
      const options = { ledger, random: random.fork(), shared, label: `${SEED} ${round}` };
      const workload = startWorkload(load.client, options);
      await sleep(random.between(100, MAX_LOAD));
      await writeControls(join(rig.root, 'synced'), `${round} synced`, true);
      await writeControls(join(rig.root, 'unsynced'), `${round} unsynced`, false);
      const copy = ledger.copy();
      const mount = await rig.cut();
      const at = Date.now();
      ledger.release(copy);
      await workload.stop();
      expect(workload.problems, `snapshot ${round}, under load`).toEqual([]);
      acknowledged += workload.acknowledged;

      await using snapshot = await mount();
      const dataDir = join(snapshot.root, 'data');
      await writeFile(join(snapshot.root, 'boot-id'), `${randomUUID()}\n`);
      await using checked = await serveCheck(
        dataDir,
        { STOWAGE_UPLOADS__EXPIRE: `${EXPIRE}ms` },
        { wrapper: afterReboot(join(snapshot.root, 'boot-id')) },
      );
      const crash = { dataDir, ledger: copy, at, keepsUploads: false, expire: EXPIRE };
      const verdict = await checkRecovery(checked, crash);
      expect(verdict.problems, `snapshot ${round}, after the power loss`).toEqual([]);
      served += verdict.served;
      const synced = await countLost(join(snapshot.root, 'synced'), `${round} synced`);
      expect(synced, `synced control files lost in snapshot ${round}`).toBe(0);
      lost += await countLost(join(snapshot.root, 'unsynced'), `${round} unsynced`);
      for (const name of ['synced', 'unsynced']) {
        await rm(join(rig.root, name), { recursive: true });
      }
    }
    console.log(
      `${POWER_ROUNDS} snapshots, ${acknowledged} deeds, ${served} names served afterwards, ` +
        `${lost} of ${POWER_ROUNDS * CONTROLS} unsynced control files lost`,
    );
    expect(served).toBeGreaterThan(POWER_ROUNDS);
    // Else the snapshots would prove nothing.
    expect(lost, 'unsynced control files lost').toBeGreaterThan(0);
  });
});
