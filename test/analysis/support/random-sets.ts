/** Random small sets, in which everything that figures depend on happens. */
import fc from 'fast-check';
import type { PlainEntry, PlainImage, PlainLayer, PlainSet } from './sets.ts';

const segment = fc.constantFrom('a', 'b', 'x', 'it\'s "q"', 'ü\n\\xff', '字');
const path = fc
  .array(segment, { minLength: 1, maxLength: 3 })
  .map((segments) => segments.join('/'));
const link = fc.oneof(
  path,
  path.map((to) => `../${to}`),
  path.map((to) => `/${to}`),
  fc.constantFrom('.', '..', '../../..'),
);

const entry: fc.Arbitrary<PlainEntry> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      path,
      kind: fc.constant('file' as const),
      content: fc.integer({ min: 0, max: 12 }),
      mode: fc.constantFrom(0o644, 0o4755, 0o2755, 0o6755, 0o1755, 0o3777),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      path: fc.oneof(path, fc.constant('')),
      kind: fc.constantFrom('directory' as const, 'opaque-whiteout' as const),
      mode: fc.constantFrom(0o755, 0o2755),
    }),
  },
  { weight: 1, arbitrary: fc.record({ path, kind: fc.constant('whiteout' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      path,
      kind: fc.constant('hardlink' as const),
      link: path,
      mode: fc.constantFrom(0o644, 0o4755),
    }),
  },
  { weight: 1, arbitrary: fc.record({ path, kind: fc.constant('symlink' as const), link }) },
  {
    weight: 1,
    arbitrary: fc.record({ path, kind: fc.constantFrom('fifo' as const, 'other' as const) }),
  },
);

const tar = fc.record({
  entries: fc.array(entry, { maxLength: 12 }),
  archiveSize: fc.integer({ min: 0, max: 5000 }),
});

function layersOf(
  tars: readonly { entries: readonly PlainEntry[]; archiveSize: number }[],
  picks: readonly { tar: number; variant: number }[],
): PlainLayer[] {
  return picks.map(({ tar: pick, variant }) => {
    const index = pick % tars.length;
    const { entries, archiveSize } = tars[index]!;
    return {
      // Entries are told apart by identity, also those of layers that are the same.
      entries: entries.map((one) => ({ ...one })),
      archiveSize,
      storedSize: ((index * 7 + variant) * 131) % 1000,
      tar: String(index),
      blob: `${index}/${variant}`,
      compression: variant === 0 ? 'gzip' : 'zstd',
    };
  });
}

/** Layers of which some are the same tar, or the same blob, and images of any of them. */
export const plainSet: fc.Arbitrary<PlainSet> = fc
  .record({
    tars: fc.array(tar, { minLength: 1, maxLength: 12 }),
    picks: fc.array(fc.record({ tar: fc.nat(100), variant: fc.nat(1) }), { maxLength: 15 }),
    images: fc.array(
      fc.record({
        repository: fc.constantFrom('app', 'o\'hara/"x"', 'base'),
        pulls: fc.nat(1000),
        layers: fc.array(fc.nat(100), { maxLength: 5 }),
      }),
      { maxLength: 5 },
    ),
  })
  .map(({ tars, picks, images }) => {
    const layers = layersOf(tars, picks);
    return {
      layers,
      images: images.map(
        (image, i): PlainImage => ({
          ...image,
          tag: `v${i}`,
          layers: layers.length === 0 ? [] : image.layers.map((pick) => pick % layers.length),
        }),
      ),
    };
  });
