/** What has to hold after a crash, whatever it was: all of it in one go. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from './ledger.ts';
import { collect, type Served, UNDO } from './servers.ts';
import { type Verdict, verify, verifyDisk } from './verify.ts';

/** What a crash was like. */
export interface Crash {
  readonly dataDir: string;
  /** What clients had been told; says afterwards what was found. */
  readonly ledger: Ledger;
  /** When the server was gone for certain, milliseconds since 1970. */
  readonly at: number;
  readonly keepsUploads: boolean;
  /** Milliseconds since the start of the server after which sessions nobody knows of are gone. */
  readonly expire?: number;
}

/** Distinct digests and names that the ledger says are served. */
function countServed(ledger: Ledger) {
  const contents = new Set<string>();
  const repositories = new Set<string>();
  let tags = 0;
  let manifests = 0;
  for (const { repository, kind, name, possible } of ledger.entries()) {
    if (possible.has(undefined)) continue;
    repositories.add(repository);
    if (kind === 'tag') tags++;
    else contents.add(name);
    if (kind === 'manifest') manifests++;
  }
  return { repositories: repositories.size, tags, manifests, blobs: contents.size };
}

/**
 * Checks a server that was started anew after a crash: that everything acknowledged is served, that
 * a collection leaves exactly what is needed, and that everything is served still.
 * @returns what is wrong, and how many names were served that had to be
 */
export async function checkRecovery(served: Served, crash: Crash): Promise<Verdict> {
  const { client, operations } = served;
  const { dataDir, ledger, at, keepsUploads, expire = 0 } = crash;
  const began = Date.now();
  const first = await verify({ client, ledger, at, keepsUploads });
  // What was deleted just before the crash can be restored until then.
  await sleep(Math.max(1, Math.max(at + UNDO, began + expire) + 10 - Date.now()));
  await collect(served);
  ledger.collect();
  const second = await verify({ client, ledger, at: Date.now(), keepsUploads });
  const disk = await verifyDisk(dataDir, ledger);
  const problems = [
    ...first.problems,
    ...second.problems.map((problem) => `after the collection: ${problem}`),
    ...disk.problems,
  ];
  const { repositories, tags, manifests, blobs } = await operations.status();
  const counted = JSON.stringify({ repositories, tags, manifests, blobs });
  const wanted = JSON.stringify(countServed(ledger));
  if (counted !== wanted) problems.push(`the totals say ${counted}, served are ${wanted}`);
  ledger.prune(Date.now());
  return { problems, served: first.served };
}
