/** Layers that were pushed when nobody took layers apart: by an older program, or under another policy. */
import { findContent } from '../../storage/content.ts';
import type { StoreContext } from '../../storage/context.ts';
import { change } from '../../storage/metadata/changes.ts';
import { keys, lastPart, ranges } from '../../storage/metadata/keys.ts';
import { startPace } from '../../storage/pace.ts';
import { keySteps } from '../../storage/steps.ts';
import { isSettled } from '../catalog/waiting.ts';
import { type DedupPolicy, mayTakeApart } from '../policy.ts';
import type { IngestQueue } from './queue.ts';

/**
 * Puts all layers into the queue that have neither been ingested nor refused.
 * @throws the signal's reason, CommitError; what was found until then stays in the queue
 */
export async function queueBacklog(
  store: StoreContext,
  policy: DedupPolicy,
  { queue, signal }: { readonly queue: Pick<IngestQueue, 'add'>; readonly signal: AbortSignal },
): Promise<void> {
  const { kv } = store;
  if (policy.everywhere === false) return;

  function isWaiting(digest: string): boolean {
    const content = findContent(store, digest);
    if (content === undefined || content.record.recipe === true) return false;
    if (content.size < policy.minSize || isSettled(kv, digest)) return false;
    return !kv.has(keys.queuedLayer(digest)) && mayTakeApart(policy, kv, digest);
  }

  const pace = startPace(signal);
  for await (const found of keySteps(kv, ranges.contents(), { pace, signal })) {
    const layers = found.map(lastPart).filter(isWaiting);
    if (layers.length === 0) continue;
    await change(kv, (changes) => {
      for (const digest of layers) queue.add(changes, digest);
    });
  }
}
