/** Rows of the tables. */
import { gunzipSync } from 'node:zlib';
import { readBaseGroup } from '../../../src/codec/tokens/base-group.ts';
import { GapGroupWriter } from '../../../src/codec/tokens/gap-group.ts';
import { TokenMerger } from '../../../src/codec/tokens/merge.ts';
import { PatchGroupReader, PatchGroupWriter } from '../../../src/codec/tokens/patch-group.ts';
import { Groups } from '../../../test/codec/support/groups.ts';
import { type Layer, type LayerPart, takeApart } from '../../../test/codec/support/layer.ts';
import { packBases, packClosed, packTokens, tokenBits } from './store.ts';

const ROUNDS = 5;

/** CPU seconds of this process for an action: the best of some rounds. */
function cpuSeconds(action: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    action();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return best;
}

/** What the files of a later layer cost that an earlier one has. Sizes in bytes. */
export interface PatchRow {
  readonly pair: string;
  readonly compressor: string;
  readonly sharedPlain: number;
  /** Bits of their tokens in the later layer, as bytes. */
  readonly sharedGzip: number;
  readonly patches: number;
  readonly gaps: number;
  readonly edits: number;
  /** Share of tokens that are not those of the base. */
  readonly newTokens: number;
  /** 1 - patches / sharedGzip. */
  readonly saving: number;
  /** Plain bytes for a CPU second, as a multiple of gunzip (node:zlib) on the same layer. */
  readonly encode: number;
  readonly apply: number;
}

interface Planned {
  readonly base: LayerPart;
  readonly part: LayerPart;
  readonly group: number;
}

function planPatches(first: Layer, later: Layer) {
  const bases = new Map(first.files.map((file) => [file.digest, file]));
  const shared = later.files.filter(({ digest }) => bases.has(digest));
  return shared.flatMap(({ digest, parts }) =>
    parts.map((part, i) => ({ base: bases.get(digest)!.parts[i]!, part })),
  );
}

function writePatches(plan: readonly Omit<Planned, 'group'>[]) {
  const groups = new Groups(() => new PatchGroupWriter());
  const planned: Planned[] = [];
  let edits = 0;
  let newTokens = 0;
  for (const { base, part } of plan) {
    const figures = groups.open.add(base, part);
    edits += figures.edits;
    newTokens += figures.newTokens;
    planned.push({ base, part, group: groups.packed.length });
  }
  groups.finish();
  return { groups, planned, edits, newTokens };
}

/** Applies all patches, and sends the tokens through a merger, as a restore does. */
function applyPatches(packed: readonly Uint8Array[], planned: readonly Planned[]): void {
  const readers = packed.map((group) => new PatchGroupReader(group));
  for (const { base, part, group } of planned) {
    const tokens = readers[group]!.apply(base, part.lead);
    const merger = new TokenMerger(() => undefined);
    merger.gap(new Uint32Array(part.lead), part.lead);
    merger.part(tokens, 0, part.size);
  }
  for (const reader of readers) reader.end();
}

function checkPatches(packed: readonly Uint8Array[], planned: readonly Planned[]): void {
  const readers = packed.map((group) => new PatchGroupReader(group));
  for (const { base, part, group } of planned) {
    const tokens = readers[group]!.apply(base, part.lead);
    if (
      tokens.length !== part.tokens.length ||
      tokens.some((token, i) => token !== part.tokens[i])
    ) {
      throw new Error('a patch gave other tokens');
    }
  }
}

/** Plain bytes for a CPU second of gunzip. */
function gunzipRate(gzip: Buffer, plain: number): number {
  return plain / cpuSeconds(() => void gunzipSync(gzip));
}

/** Measures the patches between two layers. */
export function measurePatches(
  pair: string,
  compressor: string,
  first: Buffer,
  later: Buffer,
): PatchRow {
  const layer = takeApart(later);
  const plan = planPatches(takeApart(first), layer);
  const { groups, planned, edits, newTokens } = writePatches(plan);
  checkPatches(groups.packed, planned);
  const gaps = new Groups(() => new GapGroupWriter());
  for (const gap of layer.gaps) gaps.open.add(gap);
  gaps.finish();
  const total = (value: (part: LayerPart) => number): number =>
    plan.reduce((sum, { part }) => sum + value(part), 0);
  const sharedPlain = total(({ size }) => size);
  const sharedGzip = total(({ bits }) => bits) / 8;
  const gunzip = gunzipRate(later, layer.plain.length);
  const rateOf = (action: () => void): number => sharedPlain / cpuSeconds(action) / gunzip;
  return {
    pair,
    compressor,
    sharedPlain,
    sharedGzip,
    patches: groups.size,
    gaps: gaps.size,
    edits,
    newTokens: newTokens / total(({ tokens }) => tokens.length),
    saving: 1 - groups.size / sharedGzip,
    encode: rateOf(() => writePatches(plan)),
    apply: rateOf(() => applyPatches(groups.packed, planned)),
  };
}

/** What bases cost, and reading them. Sizes in bytes, shares of the tokens in the gzip. */
export interface BaseRow {
  readonly compressor: string;
  readonly plain: number;
  /** Bits of the tokens of all distinct files, as bytes. */
  readonly gzip: number;
  /** Tokens alone, packed. */
  readonly tokens: number;
  /** What has to be added so that the bytes of files can be read, in three ways. */
  readonly closed: number;
  readonly ownContext: number;
  readonly sharedContext: number;
  /** Plain bytes for a CPU second, as a multiple of gunzip (node:zlib) on the same layer. */
  readonly read: number;
  readonly bytes: number;
  readonly write: number;
}

/** Measures the bases of a layer. */
export function measureBases(compressor: string, gzip: Buffer): BaseRow {
  const layer = takeApart(gzip);
  const size = tokenBits(layer) / 8;
  const tokens = packTokens(layer);
  const closed = packClosed(layer);
  const own = packBases(layer, false);
  const shared = packBases(layer, true);
  const plain = shared.packed
    .flatMap((group) => readBaseGroup(group).parts)
    .reduce((total, part) => total + part.size, 0);
  const gunzip = gunzipRate(gzip, layer.plain.length);
  const rateOf = (action: () => void): number => plain / cpuSeconds(action) / gunzip;
  return {
    compressor,
    plain,
    gzip: size,
    tokens,
    closed: closed.bases + closed.patches - tokens,
    ownContext: own.size - tokens,
    sharedContext: shared.size - tokens,
    read: rateOf(() => {
      for (const group of shared.packed) readBaseGroup(group);
    }),
    bytes: rateOf(() => {
      for (const group of shared.packed) readBaseGroup(group).plain();
    }),
    write: rateOf(() => void packBases(layer, true)),
  };
}

/** What levels of zstd make of bases and patches. */
export interface LevelRow {
  readonly level: number;
  /** Shares of the tokens in the gzip. */
  readonly bases: number;
  readonly patches: number;
  /** Plain bytes for a CPU second, as a multiple of gunzip (node:zlib). */
  readonly write: number;
  readonly read: number;
}

/** Measures levels of zstd on a pair. */
export function measureLevels(levels: readonly number[], first: Buffer, later: Buffer): LevelRow[] {
  const layer = takeApart(first);
  const plan = planPatches(layer, takeApart(later));
  const sharedGzip = plan.reduce((sum, { part }) => sum + part.bits, 0) / 8;
  const gunzip = gunzipRate(first, layer.plain.length);
  const gzip = tokenBits(layer) / 8;
  return levels.map((level) => {
    const bases = packBases(layer, true, { level });
    const plain = bases.packed
      .flatMap((group) => readBaseGroup(group).parts)
      .reduce((total, part) => total + part.size, 0);
    const patches = new Groups(() => new PatchGroupWriter(), { level });
    for (const { base, part } of plan) patches.open.add(base, part);
    patches.finish();
    return {
      level,
      bases: bases.size / gzip,
      patches: patches.size / sharedGzip,
      write: plain / cpuSeconds(() => void packBases(layer, true, { level })) / gunzip,
      read:
        plain /
        cpuSeconds(() => {
          for (const group of bases.packed) readBaseGroup(group);
        }) /
        gunzip,
    };
  });
}
