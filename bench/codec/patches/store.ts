/** What storing a layer comes to, with the codec as the store uses it. */
import { distanceOf, lengthOf } from '../../../src/codec/deflate/token.ts';
import { WINDOW } from '../../../src/codec/kernels/layout.ts';
import { BaseGroupWriter, type BasePart } from '../../../src/codec/tokens/base-group.ts';
import { GapGroupWriter } from '../../../src/codec/tokens/gap-group.ts';
import { FULL_GROUP_SIZE, type PackOptions } from '../../../src/codec/tokens/group.ts';
import type { TokenPart } from '../../../src/codec/tokens/part.ts';
import { PatchGroupWriter } from '../../../src/codec/tokens/patch-group.ts';
import { Groups, type GroupWriter } from '../../../test/codec/support/groups.ts';
import type { Layer, LayerFile, LayerPart } from '../../../test/codec/support/layer.ts';

/** The first file of each digest. */
function distinctFiles(files: readonly LayerFile[]): LayerFile[] {
  const seen = new Set<string>();
  return files.filter(({ digest }) => !seen.has(digest) && seen.add(digest));
}

function basePart(layer: Layer, part: LayerPart, source: unknown): BasePart {
  const { start, size } = part;
  const plain = layer.plain.subarray(Math.max(0, start - WINDOW), start + size);
  return { ...part, layer: source, plain };
}

/**
 * Packs the distinct files of a layer as bases.
 * @param isShared - false: every file keeps the bytes that it reaches for by itself
 */
export function packBases(
  layer: Layer,
  isShared: boolean,
  options?: PackOptions,
): Groups<BaseGroupWriter> {
  const groups = new Groups(() => new BaseGroupWriter(), options);
  for (const file of distinctFiles(layer.files)) {
    for (const part of file.parts) {
      const base = basePart(layer, part, isShared ? layer : file);
      if (!groups.open.hasRoomFor(base)) groups.finish();
      groups.open.add(base);
    }
  }
  groups.finish();
  return groups;
}

/** Packs the tokens of parts and nothing else, in groups of as many parts as a base group has. */
class TokensOnly implements GroupWriter {
  readonly #group = new GapGroupWriter();
  #plainSize = 0;

  get isFull(): boolean {
    return this.#plainSize >= FULL_GROUP_SIZE;
  }

  add({ tokens, size }: TokenPart): void {
    this.#group.add(tokens);
    this.#plainSize += size;
  }

  finish(options?: PackOptions): Uint8Array {
    return this.#group.finish(options);
  }
}

/** Tokens of a part in which matches that reach out of the file are literals. */
function closed(layer: Layer, file: LayerFile, part: LayerPart): LayerPart {
  const tokens: number[] = [];
  const spell = (from: number, to: number): void => {
    for (let at = from; at < to; at++) tokens.push(layer.plain[at]!);
  };
  const end = part.start + part.size;
  let position = part.start + part.lead;
  spell(part.start, position);
  for (const token of part.tokens) {
    const isForeign = position - distanceOf(token) < file.start;
    if (isForeign) spell(position, Math.min(position + lengthOf(token), end));
    else tokens.push(token);
    position += lengthOf(token);
  }
  return { ...part, tokens: Uint32Array.from(tokens), lead: 0 };
}

/** Bytes of closed bases, and of the patches that the layer they come from then needs. */
export function packClosed(layer: Layer): { bases: number; patches: number } {
  const bases = new Groups(() => new TokensOnly());
  const patches = new Groups(() => new PatchGroupWriter());
  for (const file of distinctFiles(layer.files)) {
    for (const part of file.parts) {
      const base = closed(layer, file, part);
      bases.open.add(base);
      patches.open.add(base, part);
    }
  }
  bases.finish();
  patches.finish();
  return { bases: bases.size, patches: patches.size };
}

/** Bytes of the tokens of all distinct files alone. */
export function packTokens(layer: Layer): number {
  const groups = new Groups(() => new TokensOnly());
  for (const { parts } of distinctFiles(layer.files)) {
    for (const part of parts) groups.open.add(part);
  }
  groups.finish();
  return groups.size;
}

/** Bits of the tokens of all distinct files in the compressed layer. */
export function tokenBits(layer: Layer): number {
  return distinctFiles(layer.files)
    .flatMap(({ parts }) => parts)
    .reduce((total, { bits }) => total + bits, 0);
}
