/** Content to compress, the same in every run. */

/** A stream of numbers below 2^32 (xorshift, Marsaglia 2003). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Bytes in which nothing repeats. */
export function noise(size: number, seed = 1): Buffer {
  const next = numbers(seed);
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = next();
  return bytes;
}

const WORDS = 'the layer of an image is a tar of files that other layers hold as well'.split(' ');

/** Text in lines, which repeats as source code does. */
export function text(size: number, seed = 2): Buffer {
  const next = numbers(seed);
  const lines: string[] = [];
  for (let length = 0; length < size; ) {
    const words = Array.from({ length: 1 + (next() % 12) }, () => WORDS[next() % WORDS.length]);
    const line = `${' '.repeat(next() % 9)}${words.join(' ')} ${next() % 10_000};\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join('')).subarray(0, size);
}

/** All of it: text, noise, zeros, short periods, and text again from far back. */
export function mixture(size: number): Buffer {
  const part = Math.ceil(size / 6);
  const periods = Buffer.concat(
    Array.from({ length: 40 }, (_, i) => Buffer.alloc(Math.ceil(part / 40), noise(i + 1, i + 3))),
  );
  const words = text(part);
  return Buffer.concat([words, noise(part), Buffer.alloc(part), periods, text(part, 5), words]);
}
