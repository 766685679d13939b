/** What has been read of a layer besides its tokens, until it is known to which section it belongs. */
import type { Block } from '../../codec/deflate/block.ts';
import type { OpenBlock } from '../../codec/deflate/reader.ts';
import { STORED } from '../../codec/kernels/layout.ts';
import { LayerRefusedError } from '../errors.ts';
import { MAX_EVENT_BYTES } from './limits.ts';
import type { BlockEvent, SectionEvent } from './model.ts';

/** A block with its place in the layer. */
export interface PlacedBlock extends OpenBlock {
  /** Tokens of the layer up to its end; undefined when its end has not been read. */
  readonly endToken: number | undefined;
}

type Entry = PlacedBlock | Exclude<SectionEvent, BlockEvent>;

/** Bytes that an event takes in memory, nearly, less those that it holds. */
const EVENT_COST = 64;

function isBlock(entry: Entry): entry is PlacedBlock {
  return 'type' in entry;
}

/** The part of a block that lies between two tokens of the layer. */
function eventOf(block: PlacedBlock, from: number, to: number): BlockEvent {
  const { type, final, padding, header, headerBits, startToken } = block;
  const endToken = block.endToken ?? Number.POSITIVE_INFINITY;
  const isResumed = startToken < from;
  const continues = endToken > to;
  const saysLength = type === STORED && continues && !isResumed && block.endToken !== undefined;
  return {
    kind: 'block',
    type,
    final,
    padding,
    header,
    headerBits,
    isResumed,
    continues,
    tokens: Math.min(endToken, to) - Math.max(startToken, from),
    whole: saysLength ? endToken - startToken : 0,
  };
}

/** The log. Positions are those of the layer, also in blocks. */
export class EventLog {
  #entries: Entry[] = [];
  #bytes = 0;
  /** A stored block whose length a section needs that has ended before the block did. */
  #missing: { readonly event: BlockEvent; readonly startToken: number } | undefined;

  /** Whether all events that were taken are complete. */
  get isComplete(): boolean {
    return this.#missing === undefined;
  }

  /** @throws LayerRefusedError when there are too many */
  add(event: Exclude<SectionEvent, BlockEvent>): void {
    this.#count(event.bytes.length);
    this.#entries.push(event);
  }

  /**
   * Adds blocks that have ended.
   * @param start - bits and tokens of the layer before their stream
   * @throws LayerRefusedError when there are too many
   */
  addBlocks(
    blocks: readonly Block[],
    start: { readonly bit: number; readonly token: number },
  ): void {
    for (const block of blocks) {
      this.#count(block.header.length);
      const startToken = start.token + block.startToken;
      this.#entries.push({
        ...block,
        startBit: start.bit + block.startBit,
        startToken,
        endToken: startToken + block.tokens,
      });
      if (this.#missing?.startToken === startToken && block.tokens > 0) {
        this.#missing.event.whole = block.tokens;
        this.#missing = undefined;
      }
    }
  }

  /**
   * Takes the events of a section that ends before a token.
   * @param from - its first token
   * @param to - the token after its last one
   * @param open - the block that has not ended
   * @returns its events, and the block that the token after it is in
   */
  take(
    from: number,
    to: number,
    open: PlacedBlock | undefined,
  ): { readonly events: SectionEvent[]; readonly block: PlacedBlock } {
    const entries = this.#entries;
    const at = entries.findIndex((entry) => isBlock(entry) && entry.endToken! > to);
    const block = at < 0 ? open : (entries[at] as PlacedBlock);
    if (block === undefined) throw new RangeError(`token ${to} is in no block`);
    this.#entries = at < 0 ? [] : entries.slice(at);
    const own = at < 0 ? entries : entries.slice(0, at);
    const events = own.map((entry) => (isBlock(entry) ? eventOf(entry, from, to) : entry));
    if (block.startToken < to) {
      const event = eventOf(block, from, to);
      events.push(event);
      if (event.type === STORED && !event.isResumed && block.endToken === undefined) {
        this.#missing = { event, startToken: block.startToken };
      }
    }
    this.#bytes = 0;
    return { events, block };
  }

  /** Takes all events that are left; no token follows. */
  takeRest(from: number, to: number): SectionEvent[] {
    const entries = this.#entries;
    this.#entries = [];
    this.#bytes = 0;
    return entries.map((entry) => (isBlock(entry) ? eventOf(entry, from, to) : entry));
  }

  #count(bytes: number): void {
    this.#bytes += bytes + EVENT_COST;
    if (this.#bytes > MAX_EVENT_BYTES) throw new LayerRefusedError('structure');
  }
}
