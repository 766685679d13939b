/** Rebuilds the bytes of a section from what is stored of it. */
import type { BlockHead } from '../../codec/deflate/block.ts';
import { DeflateWriter } from '../../codec/deflate/writer.ts';
import { createWriterKernel } from '../../codec/kernels/instances.ts';
import { DYNAMIC, STORED } from '../../codec/kernels/layout.ts';
import type { WriterKernel } from '../../codec/kernels/types.ts';
import type { BasePartReader } from '../../codec/tokens/base-part-reader.ts';
import { PatchGroupReader } from '../../codec/tokens/patch-group.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import { RecipeError } from '../errors.ts';
import type { BufferPool } from './buffer-pool.ts';
import { readStructure, splitSection } from './format.ts';
import { GapTokens } from './gap-tokens.ts';
import type { BitRange, BlockEvent, SectionEvent, SectionStructure } from './model.ts';
import { type ContentSource, rebuildPlain } from './rebuild-plain.ts';

/** Gives the base groups that a section needs. */
export interface BaseSource extends ContentSource {
  parts(id: GroupId): Pick<BasePartReader, 'count' | 'read' | 'part'>;
}

/** What the writer is told of a block, of which only a part may be written. */
function headOf(event: BlockEvent): BlockHead {
  const { type, isResumed, continues, tokens, whole } = event;
  // One more than will come, so that the writer does not end the block.
  const open = type === STORED && !isResumed ? whole : tokens + 1;
  return {
    ...event,
    // The head of a resumed block is written into bytes that are dropped.
    padding: isResumed ? 0 : event.padding,
    tokens: continues ? open : tokens,
  };
}

/** Bits of the head of a block with which a writer takes it up again. */
function headBits({ type, headerBits }: BlockHead): number {
  // BFINAL, BTYPE; padding to a whole byte, LEN and NLEN (RFC 1951, 3.2.4).
  if (type === STORED) return 8 + 32;
  return type === DYNAMIC ? 3 + headerBits : 3;
}

/** Rebuilds sections, one after the other. Memory: the bytes of one, and its decoded groups. */
export class SectionRebuilder {
  readonly #pool: BufferPool;
  readonly #kernel: WriterKernel;
  readonly #writer: DeflateWriter;
  /** Tokens gathered for the writer, where it reads them. */
  readonly #held: Uint32Array;
  #count = 0;
  #events: readonly SectionEvent[] = [];
  #next = 0;
  /** Tokens that the blocks which the writer knows still need. */
  #wanted = 0;
  #out = new Uint8Array(0);
  #at = 0;
  /** Bytes at the begin of what is written that are not the section's. */
  #skip = 0;

  /**
   * @param pool - memory for tokens
   * @param kernel - to be used by this rebuilder alone
   */
  constructor(pool: BufferPool, kernel: WriterKernel = createWriterKernel()) {
    this.#pool = pool;
    this.#kernel = kernel;
    this.#held = kernel.tokens;
    this.#writer = new DeflateWriter(kernel);
  }

  /**
   * Rebuilds a section.
   * @param bytes - the section as stored
   * @param bases - gives the groups that it needs
   * @param range - where it lies
   * @returns all bytes that hold a bit of it; bits that are not its own are 0
   * @throws TokenError, DeflateError, RecipeError when something is damaged, and what `bases` throws
   */
  rebuild(bytes: Uint8Array, bases: BaseSource, range: BitRange): Uint8Array<ArrayBuffer> {
    const { startBit, endBit } = range;
    const first = Math.floor(startBit / 8);
    const out = new Uint8Array(Math.ceil(endBit / 8) - first);
    const phase = startBit % 8;
    const { structure, gaps, patches } = splitSection(bytes);
    const section = readStructure(structure);
    if (section.isPlain) {
      rebuildPlain(section, new GapTokens(gaps, this.#pool), bases, out);
      return out;
    }
    this.#events = section.events;
    this.#next = this.#count = this.#wanted = this.#at = this.#skip = 0;
    this.#out = out;
    this.#begin(phase);
    this.#advance();
    this.#tokens(section, gaps, patches, bases);
    this.#end();
    if (this.#at !== out.length) throw new RecipeError('a section of another length');
    if (out.length > 0) out[0]! &= 0xff << phase;
    this.#out = new Uint8Array(0);
    return out;
  }

  /** Sets the writer to the bit where the section begins. */
  #begin(phase: number): void {
    const [event] = this.#events;
    if (event?.kind !== 'block' || !event.isResumed) {
      this.#writer.reset({ count: phase, bits: 0 });
      return;
    }
    const bits = headBits(event);
    const start = event.type === STORED ? 0 : (((phase - bits) % 8) + 8) % 8;
    this.#skip = (start + bits) >> 3;
    this.#writer.reset({ count: start, bits: 0 });
  }

  #tokens(
    { parts, lastGap }: SectionStructure,
    gaps: Uint8Array,
    patches: Uint8Array,
    bases: BaseSource,
  ): void {
    const gapTokens = new GapTokens(gaps, this.#pool);
    const patchReader = patches.length > 0 ? new PatchGroupReader(patches) : undefined;
    for (const part of parts) {
      this.#write(gapTokens.take(part.gap));
      const base = bases.parts(part.group);
      if (part.index >= base.count) throw new RecipeError('a part that is not in its group');
      if (part.lead === undefined) base.read(part.index, this.#write);
      else if (patchReader === undefined) throw new RecipeError('a patch that is not there');
      else this.#write(patchReader.apply(base.part(part.index), part.lead));
    }
    this.#write(gapTokens.take(lastGap));
    gapTokens.end();
    patchReader?.end();
  }

  /** Takes tokens to where the writer gets many at once. */
  readonly #write = (tokens: Uint32Array): void => {
    let from = 0;
    while (from < tokens.length) {
      if (this.#wanted === 0) this.#advance();
      if (this.#wanted === 0) throw new RecipeError('tokens without a block');
      const room = Math.min(this.#wanted, this.#held.length - this.#count);
      const taken = Math.min(room, tokens.length - from);
      const isAll = taken === tokens.length;
      this.#held.set(isAll ? tokens : tokens.subarray(from, from + taken), this.#count);
      this.#count += taken;
      this.#wanted -= taken;
      from += taken;
      if (this.#count === this.#held.length) this.#flush();
    }
  };

  #flush(): void {
    for (const piece of this.#writer.push(this.#held.subarray(0, this.#count))) this.#put(piece);
    this.#count = 0;
  }

  /** Goes over events up to the next blocks that have tokens. */
  #advance(): void {
    while (this.#wanted === 0 && this.#next < this.#events.length) {
      const event = this.#events[this.#next]!;
      if (event.kind === 'block') {
        this.#addBlocks();
        continue;
      }
      this.#next++;
      if (event.kind === 'header') this.#writer.reset();
      else if (event.kind === 'trailer') {
        this.#flush();
        for (const piece of this.#writer.finish(event.padding)) this.#put(piece);
      }
      this.#put(event.bytes);
    }
  }

  /** Tells the writer of all blocks up to another event. */
  #addBlocks(): void {
    const heads: BlockHead[] = [];
    for (; this.#next < this.#events.length; this.#next++) {
      const event = this.#events[this.#next]!;
      if (event.kind !== 'block') break;
      if (event.isResumed && this.#next > 0) throw new RecipeError('a block begins in its middle');
      this.#wanted += event.tokens;
      heads.push(headOf(event));
    }
    this.#writer.addBlocks(heads);
  }

  #end(): void {
    this.#advance();
    if (this.#wanted > 0) throw new RecipeError('too few tokens');
    this.#flush();
    const last = this.#events.at(-1);
    if (last?.kind === 'block') {
      const rest = last.continues ? this.#writer.drain() : this.#writer.flush();
      for (const piece of rest) this.#put(piece);
    }
    const { count, bits } = this.#writer.partial;
    if (count > 0) this.#put(Uint8Array.of(bits));
    // What an unfinished block has left behind is not for the next section.
    this.#kernel.reset(0, 0);
  }

  #put(piece: Uint8Array): void {
    const skipped = Math.min(this.#skip, piece.length);
    this.#skip -= skipped;
    const own = skipped === 0 ? piece : piece.subarray(skipped);
    if (own.length > this.#out.length - this.#at) throw new RecipeError('a section too long');
    this.#out.set(own, this.#at);
    this.#at += own.length;
  }
}
