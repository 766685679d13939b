/**
 * What is stored of a layer: sections, groups of tokens and patches, and the index. The checksums of
 * groups are right here, since nothing else would ever pass them.
 */

import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { DeflateError } from '../../../src/codec/deflate/errors.ts';
import {
  type BaseGroup,
  readBaseContents,
  readBaseGroup,
} from '../../../src/codec/tokens/base-group.ts';
import { BasePartReader } from '../../../src/codec/tokens/base-part-reader.ts';
import { TokenError } from '../../../src/codec/tokens/errors.ts';
import { type GroupKind, openGroup, packGroup } from '../../../src/codec/tokens/group.ts';
import { readTokenStreams, TOKEN_STREAM_COUNT } from '../../../src/codec/tokens/token-streams.ts';
import { RecipeError } from '../../../src/dedup/errors.ts';
import { decodeRecipeIndex, encodeRecipeIndex } from '../../../src/dedup/recipe/recipe-index.ts';
import { BufferPool } from '../../../src/dedup/section/buffer-pool.ts';
import {
  joinSection,
  packStructure,
  readStructure,
  splitSection,
} from '../../../src/dedup/section/format.ts';
import type { CuttableFormat } from '../../../src/dedup/section/layer-cutter.ts';
import { type BaseSource, SectionRebuilder } from '../../../src/dedup/section/rebuild.ts';
import { type MainStreams, referenceTokens } from '../../codec/reference/token-streams.ts';
import { noise, text } from '../../codec/support/content.ts';
import { MemoryLayers } from '../../dedup/support/memory-layers.ts';
import { makeTar } from '../../support/tar.ts';
import type { Input } from '../input.ts';
import type { FuzzTarget } from '../target.ts';

/** The groups of an input: kind, and number of streams. Before them stands one piece about the place. */
const GROUPS = [
  ['S', 7],
  ['G', TOKEN_STREAM_COUNT],
  ['P', 9],
  ['B', TOKEN_STREAM_COUNT + 2],
  ['R', 3],
] as const satisfies readonly (readonly [GroupKind, number])[];

/** The streams of a group of an input. */
function streamsOf(input: Input, kind: GroupKind): readonly Uint8Array[] {
  let from = 1;
  for (const [own, count] of GROUPS) {
    if (own === kind) return input.slice(from, from + count);
    from += count;
  }
  return [];
}

const groupOf = (input: Input, kind: GroupKind): Uint8Array =>
  packGroup(kind, streamsOf(input, kind));

/** Errors that damage may have; all others are thrown on. */
function guard<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    const isTyped =
      error instanceof TokenError || error instanceof RecipeError || error instanceof DeflateError;
    if (!isTyped) throw error;
    return undefined;
  }
}

/** Sections of small layers, with the group that they need. */
function sections() {
  const files = [
    { path: 'a', bytes: text(1500) },
    { path: 'b', bytes: noise(200) },
    { path: 'c', bytes: text(700, 5) },
  ];
  const tar = makeTar(files);
  const layers = new MemoryLayers();
  const seed = (layer: Buffer, format: CuttableFormat) => {
    const [section] = layers.add(layer, layer.length, format);
    const [group] = layers.packed.values();
    return { section: section!, group: group!, layer };
  };
  return [...[6, 9, 1, 0].map((level) => seed(gzipSync(tar, { level }), 'gzip')), seed(tar, 'tar')];
}

function inputOf({ section, group, layer }: ReturnType<typeof sections>[number]): Input {
  const { structure, gaps, patches } = splitSection(section.bytes);
  const index = encodeRecipeIndex({
    size: layer.length,
    plainSize: 5000,
    sections: [{ group: 1, groupCount: 1, startBit: 0, startByte: 0 }],
    sums: new Uint8Array(16),
  });
  const all: Record<(typeof GROUPS)[number][0], Uint8Array> = {
    S: structure,
    G: gaps,
    P: patches,
    B: group,
    R: Buffer.concat(index),
  };
  const pieces = GROUPS.flatMap(([kind, count]) =>
    all[kind].length === 0
      ? Array.from({ length: count }, () => new Uint8Array(0))
      : openGroup(kind, count, all[kind]).streams(0, count),
  );
  const place = Buffer.alloc(3);
  place.writeUInt16LE(layer.length, 1);
  return [place, ...pieces];
}

const rebuilder = new SectionRebuilder(new BufferPool(65_536, 16));
const sound = sections()[0]!;
const soundBase = sourceOf(sound.group);

/** Gives the same group for whatever is asked for. */
function sourceOf(group: Uint8Array): BaseSource {
  const base = new BasePartReader(group);
  return { parts: () => base, contents: () => readBaseContents(group) };
}

function rebuild(input: Input, base: BaseSource): void {
  const [place = new Uint8Array(0)] = input;
  const startBit = (place[0] ?? 0) % 8;
  const endBit = 8 * ((place[1] ?? 0) + 256 * (place[2] ?? 0));
  if (endBit < startBit) return;
  const isEmpty = (kind: GroupKind): boolean =>
    streamsOf(input, kind).every(({ length }) => length === 0);
  const bytes = joinSection({
    structure: groupOf(input, 'S'),
    gaps: isEmpty('G') ? new Uint8Array(0) : groupOf(input, 'G'),
    patches: isEmpty('P') ? new Uint8Array(0) : groupOf(input, 'P'),
  });
  rebuilder.rebuild(bytes, base, { startBit, endBit });
}

function compareTokens(streams: readonly Uint8Array[]): void {
  // The reference knows nothing of irregular matches.
  const regular = [...streams.slice(0, -1), new Uint8Array(0)];
  const tokens = guard(() => readTokenStreams(regular));
  const wanted = guard(() => referenceTokens(regular as unknown as MainStreams));
  assert.deepEqual(tokens && [...tokens], wanted);
}

/** Both ways to the bytes of a group have to give the same; the shorter one looks at less. */
function comparePlain(base: BaseGroup, group: Uint8Array): void {
  const contents = guard(() => readBaseContents(group));
  const plain = guard(() => base.plain());
  if (plain === undefined) return;
  assert.deepEqual(
    contents?.parts.map((bytes) => [...bytes]),
    plain.map(({ bytes }) => [...bytes]),
  );
}

/** The target. */
export const target: FuzzTarget = {
  maxSize: 4096,
  dictionary: [Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f]), Buffer.from([0x80, 0x80, 0x80, 0])],
  seeds: () => sections().map(inputOf),
  covers: (url) =>
    /\/src\/(codec\/tokens|dedup\/(section|recipe))\/|\/src\/codec\/deflate\//.test(url),
  run(input) {
    const structure = guard(() => readStructure(groupOf(input, 'S')));
    if (structure !== undefined) {
      assert.deepEqual(readStructure(packStructure(structure)), structure);
    }
    const index = guard(() => decodeRecipeIndex(groupOf(input, 'R')));
    if (index !== undefined) {
      assert.deepEqual(decodeRecipeIndex(Buffer.concat(encodeRecipeIndex(index))), index);
    }
    const base = guard(() => readBaseGroup(groupOf(input, 'B')));
    if (base !== undefined) comparePlain(base, groupOf(input, 'B'));
    guard(() => rebuild(input, base === undefined ? soundBase : sourceOf(groupOf(input, 'B'))));
    guard(() => splitSection(input[1]!));
  },
  replay(input) {
    compareTokens(streamsOf(input, 'G'));
    compareTokens(streamsOf(input, 'B').slice(1, -1));
    // What was damaged leaves nothing behind in the rebuilder.
    guard(() => rebuild(input, soundBase));
    const { section, layer } = sound;
    const again = rebuilder.rebuild(section.bytes, soundBase, section);
    assert.ok(layer.equals(again), 'a sound section does not come back afterwards');
  },
};
