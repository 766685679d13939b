/** Layers in memory, cut into sections and rebuilt, without a store. */

import {
  type BaseContents,
  type BaseParts,
  readBaseContents,
  readBaseParts,
} from '../../../src/codec/tokens/base-group.ts';
import { BasePartReader } from '../../../src/codec/tokens/base-part-reader.ts';
import { BufferPool } from '../../../src/dedup/section/buffer-pool.ts';
import type { SectionDraft } from '../../../src/dedup/section/draft.ts';
import { joinSection } from '../../../src/dedup/section/format.ts';
import { type CuttableFormat, createCutters } from '../../../src/dedup/section/layer-cutter.ts';
import type { BasePlace, BitRange } from '../../../src/dedup/section/model.ts';
import { packSection } from '../../../src/dedup/section/pack.ts';
import { SectionRebuilder } from '../../../src/dedup/section/rebuild.ts';
import { chunksOf } from '../../codec/support/deflate.ts';

/** A section as a store would keep it. */
export interface StoredSection extends BitRange {
  readonly bytes: Uint8Array;
  /** Base groups that it refers to. */
  readonly uses: readonly number[];
}

/** Parts that are known to several layers. */
export class MemoryLayers {
  readonly groups = new Map<number, BaseParts>();
  readonly #readers = new Map<number, BasePartReader>();
  readonly contents = new Map<number, BaseContents>();
  /** The same as they are stored. */
  readonly packed = new Map<number, Uint8Array>();
  readonly variants = new Map<string, BasePlace[]>();
  /** Bytes in base groups. */
  baseBytes = 0;
  readonly #rebuilder = new SectionRebuilder(new BufferPool(65_536, 16));
  #next = 1;

  /** Takes a layer apart. */
  add(file: Uint8Array, chunkSize = 65_536, format: CuttableFormat = 'gzip'): StoredSection[] {
    const cutter = createCutters()(format);
    const sections: StoredSection[] = [];
    const layer = {};
    const store = (draft: SectionDraft): void => void sections.push(this.#store(draft, layer));
    for (const chunk of chunksOf(file, chunkSize)) {
      for (const draft of cutter.push(chunk)) store(draft);
    }
    for (const draft of cutter.finish()) store(draft);
    return sections;
  }

  #store(draft: SectionDraft, layer: object): StoredSection {
    const variants = draft.parts.map(({ hash }) => this.variants.get(hash) ?? []);
    const packed = packSection(
      draft,
      { variants, groups: this.groups },
      { layer, maxVariants: 3, level: 1 },
    );
    const ids = packed.bases.map(({ bytes, hashes }) => {
      const group = this.#next++;
      this.groups.set(group, readBaseParts(bytes));
      this.#readers.set(group, new BasePartReader(bytes));
      this.contents.set(group, readBaseContents(bytes));
      this.packed.set(group, bytes);
      this.baseBytes += bytes.length;
      for (const [index, hash] of hashes.entries()) {
        this.variants.set(hash, [...(this.variants.get(hash) ?? []), { group, index }]);
      }
      return group;
    });
    const pieces = packed.finish(ids);
    const bytes = Uint8Array.from(joinSection(pieces));
    return { bytes, uses: pieces.uses, startBit: draft.startBit, endBit: draft.endBit };
  }

  /** The bytes of a section. */
  rebuildSection(section: StoredSection): Uint8Array {
    const bases = {
      parts: (id: number) => this.#readers.get(id)!,
      contents: (id: number) => this.contents.get(id)!,
    };
    return this.#rebuilder.rebuild(section.bytes, bases, section);
  }

  /** Puts a layer together. */
  rebuild(sections: readonly StoredSection[]): Buffer {
    const size = Math.ceil((sections.at(-1)?.endBit ?? 0) / 8);
    const file = Buffer.alloc(size);
    for (const section of sections) {
      const at = Math.floor(section.startBit / 8);
      const bytes = this.rebuildSection(section);
      for (let i = 0; i < bytes.length; i++) file[at + i]! |= bytes[i]!;
    }
    return file;
  }
}
