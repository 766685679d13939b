/** Kernels as WebAssembly, each with a memory of its own of fixed size (about 0.5 MB). */
import { BINARIES } from './binaries.ts';
import {
  BLOCK_CAPACITY,
  HEADER_CAPACITY,
  INPUT_CAPACITY,
  OUTPUT_CAPACITY,
  RECORD_SIZE,
  TOKEN_CAPACITY,
  WRITER_CAPACITY,
} from './layout.ts';
import type { ReaderKernel, WriterKernel } from './types.ts';

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

/** A reader kernel at the begin of a stream. */
export function createReaderKernel(): ReaderKernel {
  const code = instantiate('reader') as ReaderExports;
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
