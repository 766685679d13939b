import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeImage } from '../../../src/analysis/diff/waste.ts';
import { GO_ON, layersOf, type Row } from './support.ts';

const A = 'a'.repeat(100);
const B = 'b'.repeat(30);
const file = (path: string, content: string, rest: Partial<Row> = {}): Row => ({
  path,
  content,
  ...rest,
});
const hide = (path: string): Row => ({ path, kind: 'whiteout' });
const empty = (path: string): Row => ({ path, kind: 'opaque-whiteout' });
const directory = (path: string): Row => ({ path, kind: 'directory', mode: 0o755 });
const hardlink = (path: string, link: string): Row => ({ path, kind: 'hardlink', link });
const symlink = (path: string, link: string): Row => ({ path, kind: 'symlink', link });

const merge = (...layers: readonly (readonly Row[])[]) =>
  mergeImage(layersOf(...layers), { signal: GO_ON });

/** The figures without the lists. */
async function figures(...layers: readonly (readonly Row[])[]) {
  const { bytes, visibleBytes, wastedBytes, metadataOnlyBytes, deletedBytes, efficiency } =
    await merge(...layers);
  return [bytes, visibleBytes, wastedBytes, metadataOnlyBytes, deletedBytes, efficiency];
}

describe('what an image ships in vain, by hand: bytes, visible, wasted, metadata only, deleted, efficiency', () => {
  const base = [directory('d'), file('d/x', A), file('d/y', B)];

  test.each<[string, (readonly Row[])[], number[]]>([
    ['no layer', [], [0, 0, 0, 0, 0, 1]],
    ['empty layers', [[], []], [0, 0, 0, 0, 0, 1]],
    ['one layer', [base], [130, 130, 0, 0, 0, 1]],
    ['a path replaced by other content', [base, [file('d/x', B)]], [160, 60, 100, 0, 0, 60 / 160]],
    [
      'N copies, of which N-1 are wasted',
      [base, [file('d/x', A)], [file('d/x', A)]],
      [330, 130, 200, 0, 0, 130 / 330],
    ],
    ['chmod', [base, [file('d/x', A, { mode: 0o755 })]], [230, 130, 100, 100, 0, 130 / 230]],
    ['chown', [base, [file('d/x', A, { uid: 7 })]], [230, 130, 100, 100, 0, 130 / 230]],
    ['touch', [base, [file('d/x', A, { mtime: 9 })]], [230, 130, 100, 100, 0, 130 / 230]],
    [
      'chmod, then other content',
      [base, [file('d/x', A, { mode: 0o755 })], [file('d/x', B)]],
      [260, 60, 200, 100, 0, 60 / 260],
    ],
    [
      'chmod, then deleted: in both',
      [base, [file('d/x', A, { mode: 0o755 })], [hide('d/x')]],
      [230, 30, 200, 100, 200, 30 / 230],
    ],
    ['deleted', [base, [hide('d/x')]], [130, 30, 100, 0, 100, 30 / 130]],
    [
      'deleted by the name of the whiteout',
      [base, [hide('d/.wh.x')]],
      [130, 30, 100, 0, 100, 30 / 130],
    ],
    [
      'deleted and made anew later',
      [base, [hide('d/x')], [file('d/x', B)]],
      [160, 60, 100, 0, 0, 30 / 160],
    ],
    [
      'deleted and made anew at once',
      [base, [hide('d/x'), file('d/x', B)]],
      [160, 60, 100, 0, 0, 30 / 160],
    ],
    [
      'made anew and the whiteout behind',
      [base, [file('d/x', B), hide('d/x')]],
      [160, 60, 100, 0, 0, 60 / 160],
    ],
    ['a deleted directory', [base, [hide('d')]], [130, 0, 130, 0, 130, 0]],
    ['an emptied directory', [base, [empty('d')]], [130, 0, 130, 0, 130, 0]],
    [
      'an emptied directory by the name of the whiteout',
      [base, [empty('d/.wh..wh..opq')]],
      [130, 0, 130, 0, 130, 0],
    ],
    ['an emptied root', [base, [empty(''), file('z', B)]], [160, 30, 130, 0, 130, 30 / 160]],
    [
      'an emptied directory that keeps what its layer has',
      [base, [file('d/y', A), empty('d')]],
      [230, 100, 130, 0, 100, 30 / 230],
    ],
    ['a directory replaced by a file', [base, [file('d', B)]], [160, 30, 130, 0, 130, 30 / 160]],
    ['a directory replaced by a link', [base, [symlink('d', 'e')]], [130, 0, 130, 0, 130, 0]],
    [
      'a directory that comes again keeps what is in it',
      [base, [directory('d')]],
      [130, 130, 0, 0, 0, 1],
    ],
    [
      'a file replaced by a directory',
      [[file('f', A)], [directory('f'), file('f/x', B)]],
      [130, 30, 100, 0, 0, 30 / 130],
    ],
    [
      'a file below which something comes',
      [[file('f', A)], [file('f/x', B)]],
      [130, 30, 100, 0, 0, 30 / 130],
    ],
    [
      'a link through which something comes',
      [[symlink('lib', 'usr/lib')], [file('lib/x', B)]],
      [30, 30, 0, 0, 0, 1],
    ],
    ['a path twice in a layer', [[file('f', A), file('f', B)]], [130, 30, 100, 0, 0, 30 / 130]],
    [
      'a whiteout of what is not there',
      [base, [hide('nothing'), hide('d/x/y'), empty('d/x'), hide('')]],
      [130, 130, 0, 0, 0, 1],
    ],
    [
      'hard links count once',
      [[file('f', A), hardlink('g', 'f'), hardlink('h', 'g')]],
      [100, 100, 0, 0, 0, 1],
    ],
    [
      'a hard link that outlives its file',
      [[file('f', A), hardlink('g', 'f')], [hide('f')]],
      [100, 100, 0, 0, 0, 0],
    ],
    [
      'hard links that all go',
      [
        [file('f', A), hardlink('g', 'f')],
        [hide('f'), hide('g')],
      ],
      [100, 0, 100, 0, 100, 0],
    ],
    [
      'a hard link into a lower layer',
      [[file('f', A)], [hardlink('g', 'f')]],
      [100, 100, 0, 0, 0, 1],
    ],
    [
      'a hard link that replaces its own target',
      [[file('f', A), hardlink('f', 'f')]],
      [100, 100, 0, 0, 0, 1],
    ],
    [
      'a hard link that replaces the directory of its target',
      [base, [hardlink('d', 'd/x')]],
      [130, 100, 30, 0, 30, 0],
    ],
    ['hard links in a circle', [[hardlink('f', 'g'), hardlink('g', 'f')]], [0, 0, 0, 0, 0, 1]],
    [
      'a hard link to nothing, and to a directory',
      [base, [hardlink('f', 'no'), hardlink('g', 'd')]],
      [130, 130, 0, 0, 0, 1],
    ],
    ['the same in two layers', [base, base], [260, 130, 130, 0, 0, 0.5]],
    [
      'a hard link that became a file',
      [[file('f', A), hardlink('g', 'f')], [file('g', B)]],
      [130, 130, 0, 0, 0, 100 / 130],
    ],
    [
      'a file that became a hard link',
      [[file('f', A), file('g', B)], [hardlink('g', 'f')]],
      [130, 100, 30, 0, 0, 100 / 130],
    ],
    ['a link that became a file', [[symlink('f', 'g')], [file('f', A)]], [100, 100, 0, 0, 0, 0]],
    ['empty files', [[file('f', '')], [hide('f')]], [0, 0, 0, 0, 0, 1]],
    [
      'metadata that changed in a hard link of it',
      [[file('f', A), hardlink('g', 'f')], [file('f', A, { mode: 0o600 })]],
      [200, 200, 0, 0, 0, 0.5],
    ],
  ])('%s', async (_, layers, expected) => {
    expect(await figures(...layers)).toEqual(expected);
  });

  test('lists the largest of each sort, with the layer that ships them', async () => {
    const { largestFiles, largestRewrites, largestDeleted } = await mergeImage(
      layersOf(
        [file('big', 'x'.repeat(500)), file('b', A), file('a', A), file('none', '')],
        [file('big', 'y'.repeat(400)), hide('a')],
        [hide('b'), hide('none')],
      ),
      { signal: GO_ON, top: 2 },
    );
    expect(largestFiles).toEqual([
      { layer: '0', path: 'big', bytes: 500 },
      { layer: '1', path: 'big', bytes: 400 },
    ]);
    expect(largestRewrites).toEqual([{ layer: '0', path: 'big', bytes: 500 }]);
    expect(largestDeleted).toEqual([
      { layer: '0', path: 'a', bytes: 100 },
      { layer: '0', path: 'b', bytes: 100 },
    ]);
  });

  test('counts a layer that comes twice once, where it lies highest', async () => {
    const [lower, upper] = layersOf(base, [file('d/x', B), file('z', A)]);
    const { bytes, wastedBytes, efficiency } = await mergeImage([lower!, upper!, lower!], {
      signal: GO_ON,
    });
    expect([bytes, wastedBytes, efficiency]).toEqual([260, 30, 160 / 260]);
  });

  test('takes paths deeper than the stack, and 100,000 entries in one directory', async () => {
    const deep = 'd/'.repeat(20_000);
    const wide = Array.from({ length: 100_000 }, (_, i) => file(`w/${i}`, '', { size: 1 }));
    expect(await figures([file(`${deep}f`, A), ...wide], [hide('d'), empty('w')])).toEqual([
      100_100, 0, 100_100, 0, 100_100, 0,
    ]);
  });

  test('ends with the reason of the signal', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(mergeImage(layersOf(base), { signal })).rejects.toThrow('enough');
  });
});

/** A row with where it stands. */
interface Placed extends Row {
  readonly kind: NonNullable<Row['kind']>;
  readonly layer: number;
  readonly order: number;
}

const isBelow = (path: string, above: string): boolean =>
  above === '' ? path !== '' : path.startsWith(`${above}/`);
const isEntry = ({ kind }: Placed): boolean => kind !== 'whiteout' && kind !== 'opaque-whiteout';

/** Whether what `from` has put at `path` is hidden by a whiteout, or by what took the place of a directory. */
function isHidden(rows: readonly Placed[], from: Placed, path: string): boolean {
  return rows.some((row) => {
    if (row.kind === 'whiteout')
      return (
        row.layer > from.layer && row.path !== '' && (row.path === path || isBelow(path, row.path))
      );
    if (row.kind === 'opaque-whiteout') return row.layer > from.layer && isBelow(path, row.path);
    return (
      row.order > from.order &&
      row.kind !== 'directory' &&
      row.path !== '' &&
      isBelow(path, row.path)
    );
  });
}

/** The definitions taken word by word, for layers without hard links; takes the square of the time. */
function byDefinition(layers: readonly (readonly Row[])[]) {
  const rows: Placed[] = [];
  for (const [layer, entries] of layers.entries()) {
    for (const { kind = 'file', ...row } of entries)
      rows.push({ ...row, kind, layer, order: rows.length });
  }
  const copies = rows.filter(({ kind }) => kind === 'file');
  const isReplaced = (copy: Placed): boolean =>
    rows.some(
      (row) =>
        isEntry(row) &&
        row.order > copy.order &&
        (row.path === copy.path || isBelow(row.path, copy.path)),
    );
  const exists = (path: string): boolean =>
    rows.some(
      (row) =>
        isEntry(row) &&
        (row.path === path || isBelow(row.path, path)) &&
        !isHidden(rows, row, path),
    );
  const wasted = copies.filter((copy) => isReplaced(copy) || isHidden(rows, copy, copy.path));
  const sum = (found: readonly Placed[]): number => found.reduce((n, { size = 0 }) => n + size, 0);
  return {
    bytes: sum(copies),
    wastedBytes: sum(wasted),
    deletedBytes: sum(wasted.filter(({ path }) => !exists(path))),
  };
}

describe('what an image ships in vain, by chance', () => {
  const path = fc
    .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join('/'));
  const row: fc.Arbitrary<Row> = fc.record({
    path,
    kind: fc.constantFrom(
      'file',
      'file',
      'file',
      'directory',
      'directory',
      'symlink',
      'whiteout',
      'opaque-whiteout',
    ),
    size: fc.integer({ min: 0, max: 1000 }),
    content: fc.constantFrom('x', 'y'),
    mode: fc.constantFrom(0o644, 0o755),
  });
  const layers = fc.array(fc.array(row, { maxLength: 8 }), { maxLength: 5 });

  test('is what the definitions say, word by word', async () => {
    await fc.assert(
      fc.asyncProperty(layers, async (image) => {
        const { bytes, visibleBytes, wastedBytes, metadataOnlyBytes, deletedBytes, efficiency } =
          await merge(...image);
        expect({ bytes, wastedBytes, deletedBytes }).toEqual(byDefinition(image));
        expect(bytes).toBe(visibleBytes + wastedBytes);
        expect(metadataOnlyBytes).toBeLessThanOrEqual(wastedBytes);
        expect(efficiency).toBeGreaterThanOrEqual(0);
        expect(efficiency).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });
});
