/** Layers that are not compressed come back from their sections, whatever tar they are. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { mixture, noise, text } from '../../codec/support/content.ts';
import { links, longNames, oneFile, sparse, umoci } from '../../exact/layers/shapes.ts';
import { makeTar, type TarEntry } from '../../support/tar.ts';
import { MemoryLayers, type StoredSection } from '../support/memory-layers.ts';

const FILES: readonly TarEntry[] = Array.from({ length: 40 }, (_, i) => ({
  path: `file-${i}`,
  bytes: text(20_000 + 321 * i, i + 1),
}));
const tar = makeTar(FILES);
/** Larger than a section. */
const large = makeTar([
  ...FILES,
  { path: 'noise', bytes: noise(3_500_000) },
  { path: 'mixture', bytes: mixture(9_000_000) },
]);

const bytesOf = (sections: readonly StoredSection[]): number =>
  sections.reduce((sum, { bytes }) => sum + bytes.length, 0);

describe('a plain layer', () => {
  it.each<[string, () => Buffer]>([
    ['a tar', () => tar],
    ['one of several sections', () => large],
    ['nothing but the end', () => makeTar([])],
    ['one block of zeros', () => Buffer.alloc(512)],
    ['zeros without an end', () => Buffer.alloc(5_000_001)],
    ['empty files', () => makeTar(FILES.map(({ path }) => ({ path })))],
    ['9000 small files', () => makeTar(manyFiles(9000))],
    [
      'the same file 5000 times',
      () => makeTar(manyFiles(5000).map((file) => ({ ...file, bytes: text(9) }))),
    ],
    ['a part and a byte', () => makeTar([{ path: 'x', bytes: mixture(1_048_577) }])],
    ['cut off in a header', () => tar.subarray(0, 700)],
    ['cut off in a file', () => large.subarray(0, 6_000_000)],
    ['garbage after the end', () => Buffer.concat([tar, noise(2_000_003), Buffer.alloc(99)])],
    ['two archives', () => Buffer.concat([tar, large])],
    [
      'no tar after the first header',
      () => Buffer.concat([tar.subarray(0, 512), mixture(5_000_000)]),
    ],
    ['one file', () => Buffer.concat(oneFile(5_000_000))],
    ["umoci's odd tar", () => Buffer.concat(umoci(100_000))],
    ['sparse files', () => Buffer.concat(sparse(100_000))],
    ['long names', () => Buffer.concat(longNames(60_000))],
    ['hard links and devices', () => Buffer.concat(links(60_000))],
  ])('%s', (_, make) => {
    const file = make();
    const layers = new MemoryLayers();
    const sections = layers.add(file, 65_536, 'tar');
    expect(layers.rebuild(sections).equals(file)).toBe(true);
    const before = layers.baseBytes;
    // By other chunks; all parts are known.
    const again = layers.add(file, 10_007, 'tar');
    expect(layers.rebuild(again).equals(file)).toBe(true);
    expect(layers.baseBytes).toBe(before);
  });

  it('takes about what gzip makes of it', () => {
    const layers = new MemoryLayers();
    const sections = layers.add(tar, 65_536, 'tar');
    expect(layers.baseBytes + bytesOf(sections)).toBeLessThan(1.1 * gzipSync(tar).length);
  });

  it.each([0, 1, 6, 9])('costs nothing when level %i of gzip has brought its files', (level) => {
    const layers = new MemoryLayers();
    const file = gzipSync(large, { level });
    layers.add(file);
    const before = layers.baseBytes;
    const sections = layers.add(large, 65_536, 'tar');
    expect(layers.baseBytes).toBe(before);
    expect(bytesOf(sections)).toBeLessThan(0.005 * file.length);
    expect(layers.rebuild(sections).equals(large)).toBe(true);
  });

  it('has sections that each come back alone, from the byte on where they begin', () => {
    const layers = new MemoryLayers();
    const sections = layers.add(large, 65_536, 'tar');
    expect(sections.length).toBeGreaterThan(2);
    for (const section of sections.toReversed()) {
      const { startBit, endBit } = section;
      expect([startBit % 8, endBit % 8]).toEqual([0, 0]);
      const own = Buffer.from(layers.rebuildSection(section));
      expect(own.equals(large.subarray(startBit / 8, endBit / 8))).toBe(true);
    }
  });
});

function manyFiles(count: number): TarEntry[] {
  return Array.from({ length: count }, (_, i) => ({ path: `${i}`, bytes: text(i % 90, i + 1) }));
}
