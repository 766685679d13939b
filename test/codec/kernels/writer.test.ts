import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWriterKernel } from '../../../src/codec/kernels/instances.ts';
import { FULL, NEED_INPUT, TOKEN_CAPACITY } from '../../../src/codec/kernels/layout.ts';
import type { WriterKernel } from '../../../src/codec/kernels/types.ts';
import { ReferenceWriter } from '../reference/writer.ts';
import { PATIENT, runs } from '../support/effort.ts';
import { strangeStream } from '../support/strange-stream.ts';

/** A block for a kernel, which need not be a right one. */
interface Order {
  readonly type: number;
  readonly detail: number;
  readonly header: Uint8Array;
  readonly tokens: readonly number[];
  readonly length: number;
}

/** What a kernel makes of blocks, up to the first one that it refuses. */
function outcomeOf(kernel: WriterKernel, orders: readonly Order[]) {
  const bytes: number[] = [];
  const take = (): void => {
    for (const byte of kernel.output.subarray(0, kernel.byteCount)) bytes.push(byte);
    kernel.take();
  };
  kernel.reset(0, 0);
  for (const { type, detail, header, tokens, length } of orders) {
    kernel.header.set(header);
    const begun = kernel.begin(type, detail, length);
    if (begun !== NEED_INPUT) return { bytes, status: begun };
    kernel.tokens.set(tokens);
    let status = kernel.write(0, tokens.length);
    while (status === FULL) {
      take();
      status = kernel.write(kernel.taken, tokens.length);
    }
    if (status !== NEED_INPUT) return { status, taken: kernel.taken };
    kernel.finish();
    take();
  }
  return { bytes, bits: kernel.bits, bitCount: kernel.bitCount };
}

function compare(orders: readonly Order[]): void {
  expect(outcomeOf(createWriterKernel(), orders)).toEqual(outcomeOf(new ReferenceWriter(), orders));
}

/** The blocks of a stream, as orders. */
const orders = (limit: number) =>
  strangeStream(limit).map(({ tokens, blocks }) => {
    let at = 0;
    return blocks.map((block): Order => {
      const mine = tokens.slice(at, at + block.tokens);
      at += block.tokens;
      const type = block.type + (block.final ? 4 : 0);
      const detail = block.type === 0 ? block.padding : block.headerBits;
      return { type, detail, header: block.header, tokens: mine, length: mine.length };
    });
  });

/** Any number, often one that is nearly a token. */
const nearlyToken = fc.oneof(
  fc.nat({ max: 300 }),
  fc.tuple(fc.nat({ max: 600 }), fc.nat({ max: 40_000 })).map(([a, b]) => a * 65536 + b),
  fc.constantFrom(2 ** 31 + 258 * 65536 + 7, 2 ** 31 + 257 * 65536 + 7, 2 ** 31, 258 * 65536),
  fc.nat({ max: 2 ** 32 - 1 }),
);

describe('the writer kernel does what its reference does', () => {
  it('for any blocks and tokens', PATIENT, () => {
    fc.assert(fc.property(orders(300), compare), runs(40));
  });

  it('for blocks that fill its buffers', PATIENT, () => {
    const length = TOKEN_CAPACITY;
    const tokens = Array.from({ length }, (_, i) => (3 + (i % 256)) * 65536 + 32_768 - (i % 9));
    const order = { type: 1, detail: 0, header: Buffer.alloc(0), tokens, length };
    compare([order, order]);
    const bytes = tokens.map((token) => token & 0xff);
    compare([{ ...order, type: 0, tokens: bytes }, order]);
  });

  it('for tokens that are none', PATIENT, () => {
    fc.assert(
      fc.property(
        orders(60),
        fc.array(nearlyToken, { maxLength: 3 }),
        fc.nat(),
        (some, wrong, at) => {
          const order = some[at % some.length]!;
          const tokens = [...order.tokens];
          tokens.splice(at % (tokens.length + 1), 0, ...wrong);
          compare([...some.slice(0, at % some.length), { ...order, tokens }]);
        },
      ),
      runs(300),
    );
  });

  it('for heads that are none', PATIENT, () => {
    fc.assert(
      fc.property(
        orders(20),
        fc.nat(),
        fc.nat({ max: 7 }),
        fc.nat({ max: 300 }),
        fc.nat(),
        (some, at, type, detail, flip) => {
          const order = some[at % some.length]!;
          const header = Buffer.from(order.header);
          if (header.length > 0) header[(flip >> 3) % header.length]! ^= 1 << (flip & 7);
          const before = some.slice(0, at % some.length);
          compare([...before, { ...order, header }]);
          compare([...before, { ...order, type }]);
          compare([...before, { ...order, detail }]);
          compare([...before, { ...order, length: 65_530 + detail }]);
        },
      ),
      runs(100),
    );
  });
});
