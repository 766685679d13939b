/** Layers laid over one another, against a model that unpacks them into a map. */

import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffImages } from '../../../src/dedup/files/diff.ts';
import { ImageView, LinkLoopError, type ViewEntry } from '../../../src/dedup/files/image-view.ts';
import { comparePaths, parentOf } from '../../../src/dedup/files/paths.ts';
import { createUnpackedFiles } from '../../../src/dedup/files/unpacked-layer.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { isLong } from '../../codec/support/effort.ts';
import { makeTar, type TarEntry } from '../../support/tar.ts';
import { GO_ON } from '../support/layers.ts';

type Kind = 'file' | 'directory' | 'symlink' | 'whiteout' | 'opaque';

/** One entry of a layer, before it becomes one of an archive. */
interface Item {
  readonly path: string;
  readonly kind: Kind;
  /** Bytes of a file, target of a link. */
  readonly text: string;
}

function toTar({ path, kind, text }: Item): TarEntry {
  const parent = parentOf(path);
  const name = path.slice(parent === '' ? 0 : parent.length + 1);
  const inParent = (other: string): string => (parent === '' ? other : `${parent}/${other}`);
  switch (kind) {
    case 'file':
      return { path, bytes: Buffer.from(text) };
    case 'directory':
      return { path: `${path}/` };
    case 'symlink':
      return { path, link: text };
    case 'whiteout':
      return { path: inParent(`.wh.${name}`) };
    case 'opaque':
      return { path: `${path}/.wh..wh..opq` };
  }
}

/** What is there, by path; a directory without an entry is 'implied'. */
type Model = Map<string, { readonly kind: Kind | 'implied'; readonly text: string }>;

function removeBelow(model: Model, path: string): void {
  for (const other of model.keys()) if (other.startsWith(`${path}/`)) model.delete(other);
}

const isDirectory = (kind: string | undefined): boolean =>
  kind === 'directory' || kind === 'implied';

function ancestorsOf(path: string): string[] {
  const found: string[] = [];
  for (let at = parentOf(path); at !== ''; at = parentOf(at)) found.unshift(at);
  return found;
}

/** Applies a layer as an engine does. */
function apply(model: Model, layer: readonly Item[]): void {
  for (const { path, kind } of layer) {
    if (kind === 'whiteout') model.delete(path);
    if (kind === 'whiteout' || kind === 'opaque') removeBelow(model, path);
  }
  const entries = new Map<string, Item>();
  for (const item of layer) {
    if (item.kind !== 'whiteout' && item.kind !== 'opaque') entries.set(item.path, item);
  }
  for (const item of [...entries.values()].sort((a, b) => comparePaths(a.path, b.path))) {
    const { path, kind, text } = item;
    const above = ancestorsOf(path);
    if (above.some((at) => model.has(at) && !isDirectory(model.get(at)!.kind))) continue;
    for (const at of above) if (!model.has(at)) model.set(at, { kind: 'implied', text: '' });
    if (kind !== 'directory') removeBelow(model, path);
    model.set(path, { kind, text });
  }
}

/** A directory without an entry is only there as long as something is in it. */
function withoutEmpty(model: Model): Model {
  const kept: Model = new Map(model);
  for (const path of [...kept.keys()].sort(comparePaths).reverse()) {
    const isEmpty = ![...kept.keys()].some((other) => other.startsWith(`${path}/`));
    if (kept.get(path)!.kind === 'implied' && isEmpty) kept.delete(path);
  }
  return kept;
}

function modelOf(layers: readonly (readonly Item[])[]): Model {
  const model: Model = new Map();
  for (const layer of layers) apply(model, layer);
  return withoutEmpty(model);
}

/** Follows links in a model. @returns 'loop', or undefined when nothing is there */
function resolveIn(model: Model, path: string): string | undefined | 'loop' {
  let at = '';
  const left = path.split('/');
  for (let links = 0; left.length > 0; ) {
    const name = left.shift()!;
    if (name === '' || name === '.') continue;
    if (at !== '' && !isDirectory(model.get(at)?.kind)) return undefined;
    if (name === '..') {
      at = parentOf(at);
      continue;
    }
    const next = at === '' ? name : `${at}/${name}`;
    const found = model.get(next);
    if (found === undefined) return undefined;
    if (found.kind !== 'symlink') {
      at = next;
      continue;
    }
    if (++links > 40) return 'loop';
    if (found.text.startsWith('/')) at = '';
    left.unshift(...found.text.split('/'));
  }
  return at;
}

const unpacked = createUnpackedFiles();

async function viewOf(layers: readonly (readonly TarEntry[])[]): Promise<ImageView> {
  const files = layers.map(async (entries) => {
    const bytes = gzipSync(makeTar(entries));
    const source = {
      size: bytes.length,
      read: async function* () {
        yield bytes;
      },
    };
    return await unpacked.open(digestOf(bytes), source, GO_ON);
  });
  return new ImageView(await Promise.all(files));
}

const toLine = ({ path, entry, layer }: ViewEntry): string =>
  `${path} ${layer === undefined ? 'implied' : entry.type} ${entry.link}`;

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const name = fc.constantFrom('a', 'b', 'a-', '.c');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
const item: fc.Arbitrary<Item> = fc.oneof(
  fc.record({ path, kind: fc.constantFrom<Kind>('file', 'directory', 'directory'), text: name }),
  fc.record({ path, kind: fc.constantFrom<Kind>('whiteout', 'opaque'), text: fc.constant('') }),
  fc.record({
    path,
    kind: fc.constant<Kind>('symlink'),
    text: fc.oneof(
      path,
      path.map((to) => `/${to}`),
      path.map((to) => `../${to}`),
    ),
  }),
);
const layers = fc.array(fc.array(item, { maxLength: 12 }), { minLength: 1, maxLength: 5 });

/** A single layer shows its whiteouts; with an empty one below it is laid over something. */
const withFloor = (all: readonly (readonly Item[])[]): readonly (readonly Item[])[] => [[], ...all];

const numRuns = isLong ? 20_000 : 400;

describe('issue 4: the files of an image', () => {
  it('are those that unpacking its layers gives', async () => {
    await fc.assert(
      fc.asyncProperty(layers, async (some) => {
        const all = withFloor(some);
        const model = modelOf(all);
        const view = await viewOf(all.map((layer) => layer.map(toTar)));
        const lines = (await gather(view.walk(await view.root()))).map(toLine);
        const wanted = [...model]
          .sort(([a], [b]) => comparePaths(a, b))
          .map(([at, { kind, text }]) => `${at} ${kind} ${kind === 'symlink' ? text : ''}`);
        expect(lines).toEqual(wanted);
      }),
      { numRuns },
    );
  }, 300_000);

  it('are listed directory by directory, and from any entry on', async () => {
    await fc.assert(
      fc.asyncProperty(layers, path, async (some, after) => {
        const all = withFloor(some);
        const view = await viewOf(all.map((layer) => layer.map(toTar)));
        const root = await view.root();
        const whole = await gather(view.walk(root));
        const rest = await gather(view.walk(root, { after }));
        expect(rest.map(toLine)).toEqual(
          whole.filter((found) => comparePaths(found.path, after) > 0).map(toLine),
        );
        const directories = [
          '',
          ...whole.filter(({ entry }) => entry.type === 'directory').map((d) => d.path),
        ];
        for (const at of directories) {
          const directory = (await view.find(at, { follow: false }))!;
          const own = whole.filter((found) => parentOf(found.path) === at && found.path !== '');
          expect((await gather(view.list(directory))).map(toLine)).toEqual(own.map(toLine));
          for (const [i, { path: last }] of own.entries()) {
            const further = await gather(view.list(directory, { after: last }));
            expect(further.map(toLine)).toEqual(own.slice(i + 1).map(toLine));
          }
        }
      }),
      { numRuns: numRuns / 4 },
    );
  }, 300_000);

  it('are found through links as a container finds them', async () => {
    await fc.assert(
      fc.asyncProperty(layers, path, async (some, wanted) => {
        const all = withFloor(some);
        const model = modelOf(all);
        const view = await viewOf(all.map((layer) => layer.map(toTar)));
        const found = await view.find(wanted).then(
          (entry) => entry?.path,
          (error: unknown) => (error instanceof LinkLoopError ? 'loop' : Promise.reject(error)),
        );
        expect(found).toBe(resolveIn(model, wanted));
      }),
      { numRuns },
    );
  }, 300_000);

  it('differ where two models differ', async () => {
    await fc.assert(
      fc.asyncProperty(layers, layers, fc.option(path, { nil: undefined }), async (a, b, after) => {
        const [from, to] = [withFloor(a), withFloor(b)];
        const [x, y] = [modelOf(from), modelOf(to)];
        const views = await Promise.all(
          [from, to].map((all) => viewOf(all.map((l) => l.map(toTar)))),
        );
        const found = await gather(diffImages(views[0]!, views[1]!, { after }));
        const lines = found.flatMap(({ change }) =>
          change ? [`${change.kind} ${change.path}`] : [],
        );
        const all = [...new Set([...x.keys(), ...y.keys()])].sort(comparePaths);
        const wanted = all.flatMap((at) => {
          if (after !== undefined && comparePaths(at, after) <= 0) return [];
          const [before, now] = [x.get(at), y.get(at)];
          if (before === undefined) return [`added ${at}`];
          if (now === undefined) return [`removed ${at}`];
          const isSame = isDirectory(before.kind)
            ? isDirectory(now.kind)
            : before.kind === now.kind && before.text === now.text;
          return isSame ? [] : [`changed ${at}`];
        });
        expect(lines).toEqual(wanted);
      }),
      { numRuns: numRuns / 2 },
    );
  }, 300_000);

  it('have the bytes of what they are hard links to, as it was in that layer', async () => {
    const view = await viewOf([
      [{ path: 'bin/' }, { path: 'bin/a', bytes: Buffer.from('first') }],
      [
        { path: 'bin/b', hardLink: 'bin/a' },
        { path: 'c', hardLink: 'bin/b' },
      ],
      [
        { path: 'bin/a', bytes: Buffer.from('second') },
        { path: 'gone', hardLink: 'bin/x' },
      ],
    ]);
    const c = (await view.find('c'))!;
    expect((await view.contentOf(c))?.entry).toMatchObject({ path: 'bin/a', size: 5 });
    expect(await view.contentOf((await view.find('gone'))!)).toBeUndefined();
    const circle = await viewOf([
      [
        { path: 'a', hardLink: 'b' },
        { path: 'b', hardLink: 'a' },
      ],
    ]);
    const a = (await circle.find('a'))!;
    await expect(circle.contentOf(a)).rejects.toThrow(LinkLoopError);
  });

  it('do not make a look-up long by links that multiply', async () => {
    const long = Array.from({ length: 1_000 }, () => '.').join('/');
    const doubling = Array.from({ length: 30 }, (_, i) => ({
      path: `l${i}`,
      link: `l${i + 1}/../l${i + 1}`,
    }));
    const view = await viewOf([[...doubling, { path: 'l30/' }]]);
    await expect(view.find('l0')).rejects.toThrow(LinkLoopError);
    expect((await view.find(`l30/${long}`))?.path).toBe('l30');
  });

  it('of a single layer show what it takes away', async () => {
    const view = await viewOf([[{ path: 'd/' }, { path: 'd/.wh.x' }, { path: 'd/.wh..wh..opq' }]]);
    const found = await gather(view.walk(await view.root()));
    expect(found.map(({ path: at, entry, isOpaque }) => [at, entry.type, isOpaque])).toEqual([
      ['d', 'directory', true],
      ['d/x', 'whiteout', false],
    ]);
  });
});
