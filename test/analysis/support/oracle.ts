/** Every figure by brute force in plain TypeScript, from the definitions, not from the SQL. */

import { permutation, sampleSizes } from '../../../src/analysis/metrics/growth.ts';
import type { Distribution, Figures } from '../../../src/analysis/metrics/schema.ts';
import {
  hashOfContent,
  layerId,
  type PlainEntry,
  type PlainImage,
  type PlainLayer,
  type PlainSet,
  scanOf,
  sizeOfContent,
  TYPES,
  typeOf,
} from './sets.ts';

export const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
const nearest = (sorted: readonly number[], percent: number) =>
  sorted[Math.max(1, Math.ceil((sorted.length * percent) / 100)) - 1] ?? null;

function distribution(values: readonly number[]): Distribution {
  const sorted = [...values].sort((a, b) => a - b);
  const ranks = Array.from({ length: 200 }, (_, i) => Math.ceil(((i + 1) * sorted.length) / 200));
  const points = [...new Set(ranks.filter((r) => r > 0).map((r) => sorted[r - 1]!))];
  const some = sorted.length > 0;
  return {
    count: sorted.length,
    sum: some ? sum(sorted) : null,
    mean: some ? sum(sorted) / sorted.length : null,
    min: sorted[0] ?? null,
    p10: nearest(sorted, 10),
    p25: nearest(sorted, 25),
    p50: nearest(sorted, 50),
    p75: nearest(sorted, 75),
    p90: nearest(sorted, 90),
    p95: nearest(sorted, 95),
    p99: nearest(sorted, 99),
    max: sorted.at(-1) ?? null,
    cdf: points.map((v) => [v, sorted.filter((other) => other <= v).length / sorted.length]),
  };
}

interface File {
  readonly layer: number;
  readonly directory: string;
  readonly size: number;
  /** Undefined when the study's code has no hash of it. */
  readonly content: number | undefined;
  readonly type: number;
  readonly path: string;
}

const directoryOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')));
/** An opaque whiteout lies in the directory that it is about. */
const folderOf = ({ kind, path }: PlainEntry) =>
  kind === 'opaque-whiteout' ? path : directoryOf(path);

/**
 * What a link leads to, step by step: a hard link to what had been unpacked before it, and never through
 * a symbolic one, of which it is then another name; a symbolic one to what is there in the end.
 */
export function target(entries: readonly PlainEntry[], from: PlainEntry): PlainEntry | undefined {
  let at: PlainEntry | undefined = from;
  for (let step = 0; step < 40; step++) {
    if (at?.link === undefined) return undefined;
    if (from.kind === 'hardlink' && at.kind === 'symlink') return undefined;
    const there: readonly PlainEntry[] =
      at.kind === 'hardlink' ? entries.slice(0, entries.indexOf(at)) : entries;
    let path: string = at.link;
    if (at.kind === 'symlink') {
      if (path.startsWith('/')) return undefined;
      const parts = [...directoryOf(at.path).split('/'), ...path.split('/')];
      const whole: string[] = [];
      for (const part of parts.filter((p) => p !== '' && p !== '.')) {
        if (part !== '..') whole.push(part);
        else if (whole.pop() === undefined) return undefined;
      }
      path = whole.join('/');
    }
    at = there.findLast((e) => e.path === path && !e.kind.endsWith('whiteout'));
    if (at?.kind === 'file') return at;
  }
  return undefined;
}

/** What is there after a layer was unpacked: of a path that comes twice, the last. */
function unpackedOf({ entries }: PlainLayer): PlainEntry[] {
  const slot = (e: PlainEntry) => (e.kind.endsWith('whiteout') ? e.kind : '');
  return entries.filter(
    (e, i) => !entries.some((o, j) => j > i && o.path === e.path && slot(o) === slot(e)),
  );
}

/** The sticky bit is the lowest of three. */
const hasSetId = ({ mode = 0o644 }: PlainEntry) => Math.floor(mode / 0o1000) >= 2;

function filesOf(layer: PlainLayer, index: number, mode: 'correct' | 'paper'): File[] {
  const { entries } = layer;
  const file = (e: PlainEntry, content: number | undefined): File => ({
    layer: index,
    directory: folderOf(e),
    size: content === undefined ? 0 : sizeOfContent(content),
    content,
    type: e.kind === 'file' ? typeOf(e) : content === undefined ? 0 : 1,
    path: e.path,
  });
  if (mode === 'correct') {
    return entries.filter((e) => e.kind === 'file').map((e) => file(e, e.content));
  }
  const linked = new Set(
    entries.filter((e) => e.kind === 'hardlink').map((e) => target(entries, e)),
  );
  return unpackedOf(layer).flatMap((e) => {
    if (e.kind === 'file') return [file(e, linked.has(e) ? undefined : e.content)];
    if (e.kind === 'hardlink') return [file(e, undefined)];
    if (e.kind.endsWith('whiteout')) return [file(e, 0)];
    if (e.kind === 'symlink' && target(entries, e) !== undefined) return [file(e, undefined)];
    return [];
  });
}

function directoriesOf({ entries }: PlainLayer): string[] {
  const all = new Set<string>();
  for (const entry of entries) {
    let directory = entry.kind === 'directory' ? entry.path : folderOf(entry);
    for (; directory !== ''; directory = directoryOf(directory)) all.add(directory);
  }
  return [...all];
}

function dedup(files: readonly { content: number | undefined; size: number }[]) {
  const known = files.filter(({ content }) => content !== undefined);
  const copies = new Map<number, number>();
  for (const { content } of known) copies.set(content!, (copies.get(content!) ?? 0) + 1);
  const bytes = sum(known.map(({ size }) => size));
  const distinctBytes = sum([...copies.keys()].map(sizeOfContent));
  return {
    files: known.length,
    bytes,
    distinctFiles: copies.size,
    distinctBytes,
    singletons: [...copies.values()].filter((n) => n === 1).length,
    countRatio: copies.size === 0 ? null : known.length / copies.size,
    byteRatio: distinctBytes === 0 ? null : bytes / distinctBytes,
  };
}

/** Shares of groups of files; `other` tells whether a content occurs outside of the group. */
function shares(
  groups: readonly (readonly File[])[],
  mode: 'correct' | 'paper',
  other: (file: File, group: number) => boolean,
): Figures['dedup']['layers'] {
  const rows = groups.map((all, group) => {
    const files = all.filter(({ content }) => content !== undefined);
    const { distinctFiles, distinctBytes, bytes } = dedup(files);
    const others = files.filter((file) => other(file, group));
    return {
      files: files.length,
      bytes,
      spare: files.length - distinctFiles,
      spareBytes: bytes - distinctBytes,
      others: others.length,
      otherBytes: sum(others.map(({ size }) => size)),
    };
  });
  const kept = rows.filter((row) => mode === 'correct' || row.others > 0);
  const withFiles = kept.filter(({ files }) => files > 0);
  const withBytes = kept.filter(({ bytes }) => bytes > 0);
  return {
    intraByCount: distribution(withFiles.map((r) => r.spare / r.files)),
    intraByBytes: distribution(withBytes.map((r) => r.spareBytes / r.bytes)),
    interByCount: distribution(withFiles.map((r) => r.others / r.files)),
    interByBytes: distribution(withBytes.map((r) => r.otherBytes / r.bytes)),
  };
}

/** Of each repository once, for it is repositories that are pulled. */
function pullsOf(images: readonly PlainImage[]): number[] {
  const most = new Map<string, number>();
  for (const { repository, pulls } of images) {
    most.set(repository, Math.max(most.get(repository) ?? 0, pulls!));
  }
  return [...most.values()];
}

/** Gini by its definition, as the mean difference of all pairs. */
function pullSkewOf(images: readonly PlainImage[]): NonNullable<Figures['images']>['pullSkew'] {
  const all = pullsOf(images).sort((a, b) => b - a);
  const pulls = sum(all);
  const share = (percent: number) =>
    pulls === 0 ? null : sum(all.slice(0, Math.ceil((all.length * percent) / 100))) / pulls;
  const differences = sum(all.flatMap((a) => all.map((b) => Math.abs(a - b))));
  const named = [...new Set(images.map(({ repository }) => repository))].map((repository) => ({
    repository,
    pulls: Math.max(...images.filter((i) => i.repository === repository).map((i) => i.pulls!)),
  }));
  return {
    repositories: all.length,
    pulls,
    topPercent: share(1),
    topTenPercent: share(10),
    gini: pulls === 0 ? null : differences / (2 * all.length * pulls),
    mostPulled: named
      .sort((a, b) => b.pulls - a.pulls || (a.repository < b.repository ? -1 : 1))
      .slice(0, 20),
  };
}

function middleOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [Math.floor, Math.ceil].map((round) => round((sorted.length - 1) / 2));
  return (sorted[low!]! + sorted[high!]!) / 2;
}

function band(values: number[]): [number, number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  return [nearest(sorted, 5)!, nearest(sorted, 50)!, nearest(sorted, 95)!];
}

/** Whether a layer stands for another one of the same tar: stored smaller, else by its names. */
function standsBefore(set: PlainSet, one: number, other: number): boolean {
  const [a, b] = [set.layers[one]!, set.layers[other]!];
  if (a.storedSize !== b.storedSize) return a.storedSize < b.storedSize;
  const [digest, otherDigest] = [scanOf(a).digest, scanOf(b).digest];
  return digest === otherDigest ? layerId(one) < layerId(other) : digest < otherDigest;
}

/** Of each layer the one that stands for all that count as the same. */
export function standing(set: PlainSet, mode: 'correct' | 'paper'): number[] {
  const key = (layer: PlainLayer) => (mode === 'correct' ? layer.tar : layer.blob);
  return set.layers.map((layer) => {
    let best: number | undefined;
    for (const [i, other] of set.layers.entries()) {
      if (key(other) !== key(layer)) continue;
      if (best === undefined || standsBefore(set, i, best)) best = i;
    }
    return best!;
  });
}

export function figuresOf(set: PlainSet, mode: 'correct' | 'paper'): Figures {
  const stands = standing(set, mode);
  const chosen = set.layers.map((_, i) => i).filter((i) => stands[i] === i);
  const held = (image: PlainImage) => [...new Set(image.layers.map((i) => stands[i]!))];
  const holders = (i: number) => set.images.filter((image) => held(image).includes(i));
  const files = new Map(chosen.map((i) => [i, filesOf(set.layers[i]!, i, mode)]));
  const all = chosen.flatMap((i) => files.get(i)!);
  const hashed = all.filter(({ content }) => content !== undefined);
  const copies = new Map<number, File[]>();
  for (const file of hashed) {
    copies.set(file.content!, [...(copies.get(file.content!) ?? []), file]);
  }
  const layers = chosen.map((i) => {
    const layer = set.layers[i]!;
    const own = files.get(i)!;
    const directories = directoriesOf(layer);
    const size = sum(own.map((f) => f.size));
    return {
      index: i,
      files: own,
      size,
      stored: layer.storedSize,
      archive: layer.archiveSize,
      directories: directories.length,
      depths: directories.map((d) => d.split('/').length),
      holders: holders(i),
      compression: layer.compression,
    };
  });
  const countsOf = (counted: (entry: PlainEntry) => boolean) =>
    distribution(
      chosen.map((i) => {
        const layer = set.layers[i]!;
        return (mode === 'paper' ? unpackedOf(layer) : layer.entries).filter(counted).length;
      }),
    );
  const layerOf = (i: number) => layers.find(({ index }) => index === i)!;
  const nonzero = layers.filter(({ stored }) => stored > 0);
  const deep = layers.filter(({ depths }) => depths.length > 0);
  const overall = dedup(hashed);
  const shared = layers.filter((l) => l.holders.length > 0);
  const without = sum(shared.map((l) => l.holders.length * l.stored));
  const within = sum(shared.map((l) => l.stored));
  const elsewhereLayer = (file: File) =>
    copies
      .get(file.content!)!
      .some((o) => (mode === 'paper' ? o !== file : o.layer !== file.layer));
  const layerShares = (some: typeof layers) =>
    shares(
      some.map((l) => l.files),
      mode,
      elsewhereLayer,
    );
  const folders = new Map<string, File[]>();
  for (const file of hashed) {
    const key = `${file.layer}\0${file.directory}`;
    folders.set(key, [...(folders.get(key) ?? []), file]);
  }
  const ordered = [...set.images];
  const top = (by: (c: [number, File[]]) => number, then: (c: [number, File[]]) => number) =>
    [...copies]
      .sort((a, b) => by(b) - by(a) || then(b) - then(a) || compareHashes(a[0], b[0]))
      .slice(0, 20)
      .map(([content, some]) => ({
        sha256: hashOfContent(content).toString('hex'),
        copies: some.length,
        size: sizeOfContent(content),
        path: firstPath(set, chosen, content),
      }));
  const types: Figures['types'] = [];
  for (const group of [...new Set(hashed.map((f) => TYPES[f.type]!.group))].sort()) {
    const ofGroup = hashed.filter((f) => TYPES[f.type]!.group === group);
    const names = [...new Set(ofGroup.map((f) => TYPES[f.type]!.type))].sort();
    for (const type of ['', ...names]) {
      const some = ofGroup.filter((f) => type === '' || TYPES[f.type]!.type === type);
      const figures = dedup(some);
      types.push({
        group,
        type,
        ...figures,
        countShare: figures.files / overall.files,
        byteShare: overall.bytes === 0 ? 0 : figures.bytes / overall.bytes,
        meanSize: figures.bytes / figures.files,
      });
    }
  }
  const sizes = sampleSizes(chosen.length);
  const growth = sizes.map((size) => {
    const samples = Array.from({ length: 20 }, (_, seed) => {
      const order = [...permutation(chosen.length, seed + 1)].slice(0, size);
      return dedup(order.flatMap((place) => files.get(chosen[place]!)!));
    });
    return {
      layers: size,
      countRatio: band(samples.map((s) => s.countRatio ?? 1)),
      byteRatio: band(samples.map((s) => s.byteRatio ?? 1)),
    };
  });
  const compressions: Record<string, number> = {};
  for (const { compression } of layers) {
    compressions[compression] = (compressions[compression] ?? 0) + 1;
  }
  const imagesOf = (of: (image: PlainImage) => number) => distribution(ordered.map(of));
  return {
    layers: {
      count: layers.length,
      withoutFiles: layers.filter((l) => l.files.length === 0).length,
      withOneFile: layers.filter((l) => l.files.length === 1).length,
      compressedSize: distribution(layers.map((l) => l.stored)),
      filesSize: distribution(layers.map((l) => l.size)),
      archiveSize: distribution(layers.map((l) => l.archive)),
      filesRatio: distribution(nonzero.map((l) => l.size / l.stored)),
      archiveRatio: distribution(nonzero.map((l) => l.archive / l.stored)),
      files: distribution(layers.map((l) => l.files.length)),
      directories: distribution(layers.map((l) => l.directories)),
      maxDepth: distribution(layers.map((l) => Math.max(0, ...l.depths))),
      meanDepth: distribution(deep.map(({ depths }) => sum(depths) / depths.length)),
      medianDepth: distribution(deep.map(({ depths }) => middleOf(depths))),
      symlinks: countsOf((e) => e.kind === 'symlink'),
      hardLinks: countsOf((e) => e.kind === 'hardlink'),
      whiteouts: countsOf((e) => e.kind === 'whiteout'),
      opaqueWhiteouts: countsOf((e) => e.kind === 'opaque-whiteout'),
      setIdFiles: countsOf((e) => e.kind === 'file' && hasSetId(e)),
      references: distribution(layers.map((l) => l.holders.length)),
      pulls: distribution(layers.map((l) => sum(pullsOf(l.holders)))),
      compressions,
    },
    images: {
      count: set.images.length,
      repositories: new Set(set.images.map((i) => i.repository)).size,
      layers: imagesOf((i) => held(i).length),
      compressedSize: imagesOf((i) => sum(held(i).map((l) => layerOf(l).stored))),
      filesSize: imagesOf((i) => sum(held(i).map((l) => layerOf(l).size))),
      files: imagesOf((i) => sum(held(i).map((l) => layerOf(l).files.length))),
      directories: imagesOf((i) => sum(held(i).map((l) => layerOf(l).directories))),
      pulls: distribution(pullsOf(set.images)),
      pullSkew: pullSkewOf(set.images),
    },
    sharing: {
      byOne: layers.filter((l) => l.holders.length === 1).length,
      byTwo: layers.filter((l) => l.holders.length === 2).length,
      byMoreThan25: layers.filter((l) => l.holders.length > 25).length,
      ratio: within === 0 ? null : without / within,
      measuredBy: 'compressed-size',
      withoutSharing: without,
      withSharing: within,
      mostReferenced: [...shared]
        .sort(
          (a, b) =>
            b.holders.length - a.holders.length ||
            b.archive - a.archive ||
            (layerId(a.index) < layerId(b.index) ? -1 : 1),
        )
        .slice(0, 20)
        .map((l) => ({
          layer: layerId(l.index),
          references: l.holders.length,
          archiveSize: l.archive,
          files: l.files.length,
        })),
    },
    types,
    fileSizes: {
      all: distribution(hashed.map((f) => f.size)),
      distinct: distribution([...copies.keys()].map(sizeOfContent)),
      byGroup: Object.fromEntries(
        [...Map.groupBy(hashed, (f) => TYPES[f.type]!.group)].map(([group, some]) => [
          group,
          distribution(some.map((f) => f.size)),
        ]),
      ),
    },
    dedup: {
      overall,
      copies: distribution([...copies.values()].map((some) => some.length)),
      mostRepeated: top(
        ([, some]) => some.length,
        ([c]) => sizeOfContent(c),
      ),
      mostBytes: top(
        ([c, some]) => some.length * sizeOfContent(c),
        ([, some]) => some.length,
      ),
      layers: layerShares(layers),
      images: shares(
        // Images without a layer have no row to divide.
        ordered.map((image) => held(image).flatMap((i) => files.get(i)!)),
        mode,
        (file, group) =>
          mode === 'paper'
            ? copies.get(file.content!)!.length > 1
            : ordered.some(
                (image, i) =>
                  i !== group &&
                  held(image).some((l) => files.get(l)!.some((o) => o.content === file.content)),
              ),
      ),
      sharedLayers: layerShares(layers.filter((l) => l.holders.length > 1)),
      privateLayers: layerShares(layers.filter((l) => l.holders.length === 1)),
      directories: shares([...folders.values()], mode, (file) =>
        mode === 'paper'
          ? copies.get(file.content!)!.length > 1
          : copies
              .get(file.content!)!
              .some((o) => o.layer !== file.layer || o.directory !== file.directory),
      ),
      growth,
    },
  };
}

/** As signed integers of 64 bits, by the first half and then the second. */
function compareHashes(a: number, b: number): number {
  for (const at of [0, 8]) {
    const [x, y] = [hashOfContent(a).readBigInt64BE(at), hashOfContent(b).readBigInt64BE(at)];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

function firstPath(set: PlainSet, chosen: readonly number[], content: number): string {
  const paths = chosen
    .flatMap((i) => set.layers[i]!.entries)
    .filter((e) => e.kind === 'file' && e.content === content)
    .map((e) => Buffer.from(e.path));
  return paths.sort(Buffer.compare)[0]?.toString() ?? '';
}
