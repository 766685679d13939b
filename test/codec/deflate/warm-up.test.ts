import { describe, expect, it } from 'vitest';
import { warmUp } from '../../../src/codec/deflate/warm-up.ts';

describe('warming up', () => {
  it('finds that the kernels work', () => {
    expect(warmUp).not.toThrow();
  });
});
