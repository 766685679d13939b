import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareImages } from '../../../src/analysis/diff/compare.ts';
import { diffJsonSchema, jsonDiff } from '../../../src/analysis/diff/json.ts';
import { imageDiff } from '../../../src/analysis/diff/schema.ts';
import { ENTRY_KINDS } from '../../../src/analysis/scan/types.ts';
import { GO_ON, layersOf, type Row } from './support.ts';

const SCHEMA = resolve(import.meta.dirname, '../../../docs/analysis-diff.schema.json');

/** Changes of every kind, in all that can differ. */
const FROM: readonly Row[] = [
  { path: 'dir/gone', content: 'gone' },
  { path: 'content', content: 'one' },
  { path: 'mode', mode: 0o4755 },
  { path: 'owner', uid: 0xffffffff },
  { path: 'time', mtime: -1.5 },
  { path: 'link', kind: 'symlink', link: 'content' },
  { path: 'type', kind: 'directory' },
];
const TO: readonly Row[] = [
  { path: 'content', content: 'two' },
  { path: 'mode' },
  { path: 'owner' },
  { path: 'time' },
  { path: 'link', kind: 'symlink', link: 'mode' },
  { path: 'type', kind: 'fifo' },
  { path: 'nowhere', kind: 'hardlink', link: 'nothing' },
  { path: 'device', kind: 'character-device' },
  { path: '\\xff', kind: 'other' },
];

describe('the difference as JSON', () => {
  it.each<[string, readonly Row[][], readonly Row[][]]>([
    ['all that can differ', [[...FROM]], [[...TO]]],
    ['an image from nothing', [], [[...TO]]],
    ['nothing at all', [], []],
  ])('keeps to its schema: %s', async (_, from, to) => {
    const diff = await compareImages(layersOf(...from), layersOf(...to), GO_ON);
    // What the schema does not know would be missing in the former.
    expect(JSON.parse(jsonDiff(diff))).toEqual(JSON.parse(JSON.stringify(diff)));
    expect(jsonDiff(diff)).toBe(`${JSON.stringify(diff, null, 2)}\n`);
    expect(diff.format).toBe('stowage-image-diff/1');
  });

  it('has every difference, and every kind of a file', async () => {
    const { differences } = await compareImages(layersOf(FROM), layersOf(TO), GO_ON);
    expect(Object.values(differences)).toEqual(Object.keys(differences).map(() => 1));
    const { kind } = imageDiff.shape.changes.element.shape.from.unwrap().shape;
    expect(kind.options).toEqual(ENTRY_KINDS.filter((name) => !name.endsWith('whiteout')));
  });

  it('is not written when it does not keep to the schema', async () => {
    const diff = await compareImages([], [], GO_ON);
    expect(() => jsonDiff({ ...diff, added: { ...diff.added, paths: -1 } })).toThrow('added');
  });
});

describe('the published JSON Schema of a difference', () => {
  it('is up to date', async () => {
    expect(await readFile(SCHEMA, 'utf8')).toBe(diffJsonSchema());
  });

  it('describes every part', () => {
    const { properties, required, title } = JSON.parse(diffJsonSchema());
    expect(Object.keys(properties)).toEqual(Object.keys(imageDiff.shape));
    expect([required, title]).toEqual([
      Object.keys(imageDiff.shape),
      expect.stringContaining('Stowage'),
    ]);
  });
});
