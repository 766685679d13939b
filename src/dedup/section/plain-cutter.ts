/** Cuts a layer that is not compressed into sections, as its bytes come. */
import { TarWalker } from '../../codec/tar/walker.ts';
import { TreeBuilder } from '../files/tree-builder.ts';
import { SectionDraft, type SectionMemory } from './draft.ts';
import { PlainSplitter } from './plain-splitter.ts';

/** Bytes that are looked at before it is seen whether a section has ended. */
const PIECE = 128 * 1024;
/** Parts of plain layers stand for bytes. */
const NO_TOKENS = new Uint32Array(0);

/** One layer. Memory: two sections, and what a part takes. */
export class PlainCutter {
  /** Hears of all files of the layer. */
  readonly tree = new TreeBuilder();
  readonly #walker: TarWalker;
  readonly #splitter: PlainSplitter;
  /** Sections that have ended, of all. */
  #sections = 0;
  #draft: SectionDraft;
  /** Sections that have ended. */
  #ended: SectionDraft[] = [];
  /** Bytes of the layer so far, and those that are no tar. */
  #size = 0;
  #opaqueSize = 0;

  constructor(memory: SectionMemory) {
    this.#draft = new SectionDraft({ bit: 0, token: 0, byte: 0 }, { memory, isPlain: true });
    this.#splitter = new PlainSplitter({
      gap: (bytes, start) => this.#addGap(bytes, start),
      part: (size, body, start) => this.#addPart(size, body, start),
    });
    this.#walker = new TarWalker({
      entry: (entry) => {
        this.#splitter.entry(entry);
        this.tree.entry(entry);
      },
      bytes: (region, bytes) => {
        if (region === 'opaque') this.#opaqueSize += bytes.length;
        this.#splitter.bytes(region, bytes);
      },
      end: () => undefined,
    });
  }

  /** Bytes of the layer so far. */
  get size(): number {
    return this.#size;
  }

  /** The same: there are no others. */
  get plainSize(): number {
    return this.#size;
  }

  /** Whether nothing of it was a tar. */
  get isOpaque(): boolean {
    return this.#size > 0 && this.#opaqueSize === this.#size;
  }

  /** Takes the next bytes of the layer and gives the sections that have ended. */
  *push(chunk: Uint8Array): Generator<SectionDraft, void> {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const piece = chunk.subarray(at, at + PIECE);
      this.#draft.addPlain(piece);
      this.#walker.push(piece);
      this.#size += piece.length;
      yield* this.#ended.splice(0);
    }
  }

  /** Says that no more bytes come, and gives the last sections. */
  *finish(): Generator<SectionDraft, void> {
    this.#walker.end();
    this.#splitter.end();
    this.#end(this.#size);
    yield* this.#ended.splice(0);
  }

  #addGap(bytes: Uint8Array, start: number): void {
    this.#cutBefore(start);
    this.#draft.addGap(bytes);
  }

  #addPart(size: number, body: number, start: number): void {
    this.#cutBefore(start);
    this.#draft.addPart({ tokens: NO_TOKENS, size, lead: 0 }, start);
    this.tree.part(body, size, this.#draft.lastFound(this.#sections));
  }

  /** Ends the section when it is full. */
  #cutBefore(position: number): void {
    const draft = this.#draft;
    if (!draft.isFull(position)) return;
    this.#end(position);
    this.#draft = draft.next(position * 8, position);
  }

  #end(position: number): void {
    this.#draft.endBit = position * 8;
    this.#ended.push(this.#draft);
    this.#sections++;
  }
}
