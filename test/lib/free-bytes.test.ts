import { describe, expect, it } from 'vitest';
import { freeBytes } from '../../src/lib/free-bytes.ts';

describe('freeing bytes', () => {
  it('leaves nothing of a buffer of their own', () => {
    const bytes = Buffer.allocUnsafeSlow(65_536);
    const { buffer } = bytes;
    freeBytes(bytes);
    expect(bytes.length).toBe(0);
    expect(buffer.byteLength).toBe(0);
    expect(buffer.detached).toBe(true);
  });

  it('leaves a part of a larger buffer alone, for others may use the rest', () => {
    const whole = Buffer.alloc(100, 7);
    const part = whole.subarray(10, 20);
    freeBytes(part);
    expect(part).toEqual(Buffer.alloc(10, 7));
    expect(whole.length).toBe(100);
  });

  it('leaves shared memory alone', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(1);
    freeBytes(shared);
    expect(shared).toEqual(new Uint8Array(8).fill(1));
  });

  it('does nothing more to what is freed already', () => {
    const bytes = new Uint8Array(8);
    freeBytes(bytes);
    freeBytes(bytes);
    expect(bytes.length).toBe(0);
  });
});
