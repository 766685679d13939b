/** What an image ships and does not show, by mounting it in plain TypeScript. */
import type { AnalysisReport } from '../../../src/analysis/metrics/schema.ts';
import { standing, sum, target } from './oracle.ts';
import { type PlainEntry, type PlainImage, type PlainSet, sizeOfContent } from './sets.ts';

interface Node {
  readonly entry: PlainEntry;
  readonly layer: number;
}

/** Mounts an image layer by layer, and notes what becomes of each file. */
export function wasteOf(set: PlainSet, image: PlainImage) {
  const stands = standing(set, 'correct');
  const order = image.layers.map((i) => stands[i]!);
  const layers = order.filter((l, i) => order.lastIndexOf(l) === i);
  /** What stands at each path; directories too. */
  let tree = new Map<string, Node>();
  const removed = new Set<PlainEntry>();
  const same = new Set<PlainEntry>();
  const last = new Map<string, Node>();
  const under = (path: string, directory: string) =>
    directory === '' ? path !== '' : path.startsWith(`${directory}/`);
  const everything: Node[] = [];
  for (const layer of layers) {
    const { entries } = set.layers[layer]!;
    const lower = [...everything];
    const take = (gone: (path: string) => boolean) => {
      for (const { entry } of lower) if (gone(entry.path)) removed.add(entry);
      tree = new Map([...tree].filter(([path]) => !gone(path)));
    };
    // Whiteouts speak of lower layers only, wherever they stand among the entries.
    for (const { kind, path } of entries) {
      if (kind === 'whiteout') take((p) => p === path || under(p, path));
      if (kind === 'opaque-whiteout') take((p) => under(p, path));
    }
    for (const entry of entries) {
      if (entry.kind.endsWith('whiteout')) continue;
      if (entry.kind !== 'directory' && entry.path !== '') {
        take((p) => under(p, entry.path));
      }
    }
    for (const entry of entries) {
      if (entry.kind.endsWith('whiteout')) continue;
      const before = last.get(entry.path)?.entry;
      if (before?.kind === 'file' && entry.kind === 'file' && before.content === entry.content) {
        same.add(before);
      }
      last.set(entry.path, { entry, layer });
      tree.set(entry.path, { entry, layer });
      everything.push({ entry, layer });
    }
  }
  const seen = new Set<PlainEntry>();
  for (const { entry, layer } of tree.values()) {
    if (entry.kind === 'file') seen.add(entry);
    const to = entry.kind === 'hardlink' ? target(set.layers[layer]!.entries, entry) : undefined;
    if (to !== undefined) seen.add(to);
  }
  const files = everything.filter(({ entry }) => entry.kind === 'file');
  const bytes = (some: readonly Node[]) =>
    sum(some.map(({ entry }) => sizeOfContent(entry.content!)));
  const hidden = files.filter(({ entry }) => !seen.has(entry));
  const sizes = new Map<string, number[]>();
  for (const { entry } of everything) {
    if (entry.kind === 'directory') continue;
    const size = entry.kind === 'file' ? sizeOfContent(entry.content!) : 0;
    const own = removed.has(entry) ? [size, 0] : [size];
    sizes.set(entry.path, [...(sizes.get(entry.path) ?? []), ...own]);
  }
  const all = sum([...sizes.values()].flat());
  const smallest = sum([...sizes.values()].map((some) => Math.min(...some)));
  const holders = (layer: number) =>
    set.images.filter((other) => other.layers.some((i) => stands[i] === layer)).length;
  const stored = (some: number[]) => sum(some.map((l) => set.layers[l]!.storedSize));
  return {
    image: `${image.repository}:${image.tag}`,
    bytes: bytes(files),
    visibleBytes: bytes(files.filter(({ entry }) => seen.has(entry))),
    wastedBytes: bytes(hidden),
    metadataOnlyBytes: bytes(hidden.filter(({ entry }) => same.has(entry))),
    deletedBytes: bytes(hidden.filter(({ entry }) => !tree.has(entry.path))),
    efficiency: all === 0 ? 1 : smallest / all,
    uniqueBytes: stored(layers.filter((l) => holders(l) === 1)),
    sharedBytes: stored(layers.filter((l) => holders(l) > 1)),
    worstPaths: [...Map.groupBy(hidden, ({ entry }) => entry.path)]
      .map(([path, some]) => {
        const wasted = some.filter(({ entry }) => sizeOfContent(entry.content!) > 0);
        return {
          path,
          bytes: bytes(wasted),
          copies: wasted.length,
          isDeleted: !tree.has(path),
        };
      })
      .filter(({ copies }) => copies > 0)
      .sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1))
      .slice(0, 5),
  } satisfies AnalysisReport['waste']['images'][number];
}
