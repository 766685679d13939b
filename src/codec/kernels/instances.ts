/**
 * Kernels as WebAssembly, each with a memory of its own of fixed size: about 0.5 MB, and 16 MiB for
 * the space, of which only what is used takes memory.
 */
import { BINARIES } from './binaries.ts';
import {
  BLOCK_CAPACITY,
  HEADER_CAPACITY,
  INPUT_CAPACITY,
  MAX_OVERHANG,
  OUTPUT_CAPACITY,
  RECORD_SIZE,
  SPACE_CAPACITY,
  STREAM_CAPACITY,
  TOKEN_CAPACITY,
  WINDOW,
  WRITER_CAPACITY,
} from './layout.ts';
import type { ReaderKernel, SpaceKernel, TokenKernel, WriterKernel } from './types.ts';

/** The part that is used here of what the runtime has, for which Node's types have no name. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** Address of a buffer, or a result, in an instance. */
interface Cell {
  readonly value: number;
}

interface ReaderExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly INPUT: Cell;
  readonly OUTPUT: Cell;
  readonly TOKENS: Cell;
  readonly RECORDS: Cell;
  readonly HEADERS: Cell;
  readonly bit: Cell;
  readonly recordCount: Cell;
  byteCount(): number;
  tokenCount(): number;
  keepTokens(isWanted: boolean): void;
  reset(): void;
  run(bit: number, length: number): number;
}

interface WriterExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly TOKENS: Cell;
  readonly HEADER: Cell;
  readonly OUTPUT: Cell;
  readonly taken: Cell;
  byteCount(): number;
  bitCount(): number;
  bits(): number;
  take(): void;
  reset(bits: number, count: number): void;
  begin(type: number, detail: number, length: number): number;
  write(from: number, to: number): number;
  finish(): void;
}

interface TokenExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly RUNS: Cell;
  readonly LITERALS: Cell;
  readonly LENGTHS: Cell;
  readonly LOW: Cell;
  readonly HIGH: Cell;
  readonly TOKENS: Cell;
  readonly run: Cell;
  readonly isOpen: Cell;
  readonly runCount: Cell;
  readonly literalCount: Cell;
  readonly matchCount: Cell;
  readonly tokenCount: Cell;
  readonly isIrregular: Cell;
  resume(run: number, isOpen: number): void;
  literalTokens(count: number): void;
  decode(runs: number, literals: number, matches: number, limit: number): number;
  encode(count: number, before: number): void;
}

interface SpaceExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly TOKENS: Cell;
  readonly NEEDS: Cell;
  readonly CONTEXT: Cell;
  readonly BYTES: Cell;
  readonly needCount: Cell;
  reset(): void;
  begin(start: number, lead: number, size: number): void;
  look(count: number): number;
  make(count: number): void;
  finish(): number;
}

const modules = new Map<keyof typeof BINARIES, object>();

/** A new instance; the code is compiled once, and shared with the other threads by V8. */
function instantiate(name: keyof typeof BINARIES): unknown {
  let module = modules.get(name);
  if (module === undefined) {
    module = new WebAssembly.Module(Buffer.from(BINARIES[name], 'base64'));
    modules.set(name, module);
  }
  return new WebAssembly.Instance(module).exports;
}

/**
 * A reader kernel at the begin of a stream.
 * @param options - whether it keeps the tokens, which takes a part of the time; default: yes
 */
export function createReaderKernel({
  keepsTokens = true,
}: {
  readonly keepsTokens?: boolean;
} = {}): ReaderKernel {
  const code = instantiate('reader') as ReaderExports;
  code.keepTokens(keepsTokens);
  const { buffer } = code.memory;
  const records = BLOCK_CAPACITY * RECORD_SIZE;
  return {
    input: new Uint8Array(buffer, code.INPUT.value, INPUT_CAPACITY),
    output: new Uint8Array(buffer, code.OUTPUT.value, OUTPUT_CAPACITY + 257),
    tokens: new Uint32Array(buffer, code.TOKENS.value, TOKEN_CAPACITY),
    records: new Uint32Array(buffer, code.RECORDS.value, records),
    headers: new Uint8Array(buffer, code.HEADERS.value, BLOCK_CAPACITY * HEADER_CAPACITY),
    reset: code.reset,
    run: code.run,
    get bit() {
      return code.bit.value;
    },
    get byteCount() {
      return code.byteCount();
    },
    get tokenCount() {
      return code.tokenCount();
    },
    get recordCount() {
      return code.recordCount.value;
    },
  };
}

/** A writer kernel at the begin of a byte. */
export function createWriterKernel(): WriterKernel {
  const code = instantiate('writer') as WriterExports;
  const { buffer } = code.memory;
  return {
    tokens: new Uint32Array(buffer, code.TOKENS.value, TOKEN_CAPACITY),
    header: new Uint8Array(buffer, code.HEADER.value, HEADER_CAPACITY),
    output: new Uint8Array(buffer, code.OUTPUT.value, WRITER_CAPACITY),
    reset: code.reset,
    begin: code.begin,
    write: code.write,
    finish: code.finish,
    take: code.take,
    get byteCount() {
      return code.byteCount();
    },
    get bitCount() {
      return code.bitCount();
    },
    get bits() {
      return code.bits();
    },
    get taken() {
      return code.taken.value;
    },
  };
}

/** A token kernel. */
export function createTokenKernel(): TokenKernel {
  const code = instantiate('tokens') as TokenExports;
  const { buffer } = code.memory;
  const stream = ({ value }: Cell): Uint8Array => new Uint8Array(buffer, value, STREAM_CAPACITY);
  return {
    runs: stream(code.RUNS),
    literals: stream(code.LITERALS),
    lengths: stream(code.LENGTHS),
    low: stream(code.LOW),
    high: stream(code.HIGH),
    tokens: new Uint32Array(buffer, code.TOKENS.value, 2 * STREAM_CAPACITY),
    resume: (run, isOpen) => code.resume(run, isOpen ? 1 : 0),
    decode: code.decode,
    literalTokens: code.literalTokens,
    encode: code.encode,
    get run() {
      return code.run.value;
    },
    get isOpen() {
      return code.isOpen.value !== 0;
    },
    get runCount() {
      return code.runCount.value;
    },
    get literalCount() {
      return code.literalCount.value;
    },
    get matchCount() {
      return code.matchCount.value;
    },
    get tokenCount() {
      return code.tokenCount.value;
    },
    get isIrregular() {
      return code.isIrregular.value !== 0;
    },
  };
}

/** A space kernel with an empty space. */
export function createSpaceKernel(): SpaceKernel {
  const code = instantiate('space') as SpaceExports;
  const { buffer } = code.memory;
  return {
    tokens: new Uint32Array(buffer, code.TOKENS.value, TOKEN_CAPACITY),
    needs: new Uint32Array(buffer, code.NEEDS.value, WINDOW + MAX_OVERHANG),
    context: new Uint8Array(buffer, code.CONTEXT.value, WINDOW + MAX_OVERHANG),
    bytes: new Uint8Array(buffer, code.BYTES.value, SPACE_CAPACITY),
    reset: code.reset,
    begin: code.begin,
    look: code.look,
    make: code.make,
    finish: code.finish,
    get needCount() {
      return code.needCount.value;
    },
  };
}
