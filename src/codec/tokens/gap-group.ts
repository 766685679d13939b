/** Gap groups: tokens of a layer that belong to no file, that is headers and padding. */
import { FULL_GROUP_SIZE, openGroup, type PackOptions, packGroup } from './group.ts';
import {
  type Allocate,
  readTokenStreams,
  TOKEN_STREAM_COUNT,
  TokenStreamWriter,
} from './token-streams.ts';

/** Gathers the tokens of gaps, one after the other. */
export class GapGroupWriter {
  readonly #tokens = new TokenStreamWriter();

  /** Whether it is time to finish it: its streams have 512 KiB. */
  get isFull(): boolean {
    return this.#tokens.size >= FULL_GROUP_SIZE;
  }

  add(tokens: Uint32Array): void {
    this.#tokens.add(tokens);
  }

  /** Packs the group. */
  finish(options?: PackOptions): Uint8Array {
    return packGroup('G', this.#tokens.streams, options);
  }
}

/**
 * Reads a gap group.
 * @param allocate - memory for the tokens; default: of their own
 * @throws TokenError when it is damaged or no such group
 */
export function readGapGroup(bytes: Uint8Array, allocate?: Allocate): Uint32Array<ArrayBuffer> {
  const group = openGroup('G', TOKEN_STREAM_COUNT, bytes);
  const tokens = readTokenStreams(group.streams(0, TOKEN_STREAM_COUNT), allocate);
  group.free();
  return tokens;
}
