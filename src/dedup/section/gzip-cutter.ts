/** Cuts a gzip layer into sections, as its bytes come. */
import { DeflateWriter } from '../../codec/deflate/writer.ts';
import type { GzipData, GzipPart } from '../../codec/gzip/parts.ts';
import { GzipReader } from '../../codec/gzip/reader.ts';
import { STORED } from '../../codec/kernels/layout.ts';
import type { ReaderKernel, WriterKernel } from '../../codec/kernels/types.ts';
import { TarWalker } from '../../codec/tar/walker.ts';
import type { TokenPart } from '../../codec/tokens/part.ts';
import { TokenSplitter } from '../../codec/tokens/split.ts';
import { TreeBuilder } from '../files/tree-builder.ts';
import { SectionDraft, type SectionMemory } from './draft.ts';
import { EventLog, type PlacedBlock } from './event-log.ts';
import { MAX_TAIL } from './limits.ts';

/** What a cutter works with. Others may use it when it has finished, and its sections are free. */
export interface GzipCutterTools {
  readonly reader: ReaderKernel;
  readonly writer: WriterKernel;
  readonly memory: SectionMemory;
}

/** One layer. Memory: two sections, and what a part and a piece of the reader take. */
export class GzipCutter {
  /** Hears of all files of the layer. */
  readonly tree = new TreeBuilder();
  readonly #reader: GzipReader;
  readonly #writer: DeflateWriter;
  readonly #walker: TarWalker;
  readonly #splitter: TokenSplitter;
  readonly #log = new EventLog();
  /** Sections that have ended, of all. */
  #sections = 0;
  #draft: SectionDraft;
  /** Sections that have ended. */
  #ended: SectionDraft[] = [];
  /** Bytes of the layer so far, plain bytes, and those that are no tar. */
  #size = 0;
  #plainSize = 0;
  #opaqueSize = 0;
  /** Tokens of the layer before the stream that is read, and in all that were read. */
  #streamToken = 0;
  #readTokens = 0;
  #tail: number | undefined;

  constructor({ reader, writer, memory }: GzipCutterTools) {
    // A layer that lies about its bytes comes back as it is; what it is known by is its digest.
    this.#reader = new GzipReader(reader, { isChecked: false });
    this.#writer = new DeflateWriter(writer);
    this.#draft = new SectionDraft({ bit: 0, token: 0, byte: 0 }, { memory, isPlain: false });
    this.#splitter = new TokenSplitter({
      gap: (tokens) => this.#addGap(tokens),
      part: (part, body, start) => this.#addPart(part, body, start),
    });
    this.#walker = new TarWalker({
      entry: (entry) => {
        this.#splitter.announce(entry.bodyStart, entry.bodySize);
        this.tree.entry(entry);
      },
      bytes: (region, { length }) => {
        if (region === 'opaque') this.#opaqueSize += length;
      },
      end: () => undefined,
    });
  }

  /** Bytes of the layer so far. */
  get size(): number {
    return this.#size;
  }

  /** Plain bytes so far. */
  get plainSize(): number {
    return this.#plainSize;
  }

  /** Whether nothing of it was a tar. */
  get isOpaque(): boolean {
    return this.#plainSize > 0 && this.#opaqueSize === this.#plainSize;
  }

  /**
   * Takes the next bytes of the layer and gives the sections that have ended.
   * @throws GzipError, DeflateError for what is no gzip file; LayerRefusedError ('structure')
   */
  *push(chunk: Uint8Array): Generator<SectionDraft, void> {
    if (this.#tail !== undefined && this.#tail >= MAX_TAIL) this.#cutTail();
    for (const part of this.#reader.push(chunk)) {
      this.#take(part);
      yield* this.#complete();
    }
    this.#size += chunk.length;
  }

  /**
   * Says that no more bytes come, and gives the last sections.
   * @throws GzipError when the file ends too early
   */
  *finish(): Generator<SectionDraft, void> {
    for (const part of this.#reader.finish()) this.#take(part);
    if (this.#tail === undefined) this.#endTokens();
    this.#end(this.#size * 8);
    yield* this.#complete();
  }

  #take(part: GzipPart): void {
    if (part.kind === 'data') {
      this.#takeData(part);
      return;
    }
    if (part.kind === 'trailer') this.#streamToken = this.#readTokens;
    if (part.kind === 'tail') {
      if (this.#tail === undefined) this.#endTokens();
      this.#tail = (this.#tail ?? 0) + part.bytes.length;
    }
    this.#log.add(part);
  }

  #takeData({ plain, tokens, blocks }: GzipData): void {
    this.#plainSize += plain.length;
    this.#readTokens += tokens.length;
    this.#log.addBlocks(blocks, { bit: this.#reader.streamStart * 8, token: this.#streamToken });
    this.#draft.addPlain(plain);
    this.#walker.push(plain);
    this.#splitter.push(tokens, plain.length);
  }

  /** The sections of which all is known. */
  *#complete(): Generator<SectionDraft, void> {
    if (this.#ended.length === 0 || !this.#log.isComplete) return;
    const ended = this.#ended;
    this.#ended = [];
    yield* ended;
  }

  #endTokens(): void {
    this.#walker.end();
    this.#splitter.end();
  }

  #position = 0;

  #addGap(tokens: Uint32Array): void {
    this.#cutBefore(this.#position);
    this.#draft.addGap(tokens);
    this.#position = this.#splitter.position;
  }

  #addPart(part: TokenPart, body: number, start: number): void {
    this.#cutBefore(this.#position);
    const draft = this.#draft;
    draft.addPart(part, start);
    this.tree.part(body, part.size, draft.lastFound(this.#sections));
    this.#position = this.#splitter.position;
  }

  /** Ends the section when it is full. @param position - plain bytes of all its tokens */
  #cutBefore(position: number): void {
    const draft = this.#draft;
    if (!draft.isFull(position) || draft.tokenCount === 0) return;
    const { startToken, tokenCount } = draft;
    const endToken = startToken + tokenCount;
    const { events, block } = this.#log.take(startToken, endToken, this.#openBlock());
    draft.events = events;
    draft.endBit = this.#bitOf(block, draft, endToken);
    this.#ended.push(draft);
    this.#sections++;
    this.#draft = draft.next(draft.endBit, position);
  }

  #openBlock(): PlacedBlock | undefined {
    const block = this.#reader.openBlock;
    if (block === undefined) return undefined;
    return {
      ...block,
      startBit: this.#reader.streamStart * 8 + block.startBit,
      startToken: this.#streamToken + block.startToken,
      endToken: undefined,
    };
  }

  /** Bits of the layer before a token, found by writing what lies between it and the block's begin. */
  #bitOf(block: PlacedBlock, draft: SectionDraft, token: number): number {
    const { startToken, startBit } = block;
    if (startToken === token) return startBit;
    const isResumed = startToken < draft.startToken;
    const first = isResumed ? draft.startToken : startToken;
    if (block.type === STORED) {
      const bytes = token - first;
      if (isResumed) return draft.startBit + 8 * bytes;
      return Math.ceil((startBit + 3) / 8) * 8 + 32 + 8 * bytes;
    }
    const count = token - first;
    const whole = this.#bitsOf(block, draft.tokensFrom(first - draft.startToken), count);
    if (!isResumed) return startBit + whole;
    return draft.startBit + whole - 3 - block.headerBits;
  }

  #bitsOf(block: PlacedBlock, pieces: Iterable<Uint32Array>, count: number): number {
    const writer = this.#writer;
    writer.reset();
    writer.addBlocks([{ ...block, tokens: count + 1 }]);
    let bytes = 0;
    for (const tokens of pieces) for (const { length } of writer.push(tokens)) bytes += length;
    for (const { length } of writer.drain()) bytes += length;
    return bytes * 8 + writer.partial.count;
  }

  /** Ends a section among the bytes after the last member. */
  #cutTail(): void {
    this.#end(this.#size * 8);
    this.#draft = this.#draft.next(this.#size * 8, this.#plainSize);
    this.#tail = 0;
  }

  #end(endBit: number): void {
    const draft = this.#draft;
    const { startToken, tokenCount } = draft;
    draft.events = this.#log.takeRest(startToken, startToken + tokenCount);
    draft.endBit = endBit;
    this.#ended.push(draft);
    this.#sections++;
  }
}
