/** Compares two images of sources, file by file, without a dataset. */

import { platformName } from '../../oci/image.ts';
import { compareImages, type ImageDiff } from '../diff/compare.ts';
import type { LayerEntries } from '../diff/image-tree.ts';
import type { Scanner } from '../scan/scanner.ts';
import type { EntryBatch } from '../scan/types.ts';
import { SourceError } from '../sources/errors.ts';
import { joinImageName, listNames } from '../sources/image-name.ts';
import { noImage } from '../sources/named-image.ts';
import type { ImageSource, SourceImage, SourceItem, SourceKind } from '../sources/types.ts';
import { verify, watch } from './verify.ts';

/** An image and where it comes from. */
export interface OpenImage {
  readonly source: ImageSource;
  readonly image: SourceImage;
}

/** How to name one image of a source, by its kind. */
const NAMING: Readonly<Partial<Record<SourceKind, string>>> = {
  registry: 'docker://HOST/NAME:TAG',
  'oci-layout': 'oci:PATH:NAME',
  'docker-archive': 'docker-archive:PATH:NAME',
  stowage: 'stowage:PATH:NAME:TAG',
};
/** Images that are looked at to name them: a registry may have any number. */
const MAX_NAMED = 20;

/** What tells images apart: names, else platforms, else digests. */
function tellApart(images: readonly SourceImage[]): { which: string; by: 'name' | 'platform' } {
  const names = images.map((image) => joinImageName(image) || `@${image.digest}`);
  const distinct = [...new Set(names)];
  if (distinct.length > 1) return { which: listNames(distinct), by: 'name' };
  const platforms = new Set(images.map(({ platform }) => platform && platformName(platform)));
  if (platforms.size === images.length) {
    return { which: `${distinct[0]} for ${listNames([...platforms].map(String))}`, by: 'platform' };
  }
  const digests = images.map((image) => `${joinImageName(image)}@${image.digest}`);
  return { which: listNames(digests), by: 'name' };
}

function severalImages({ title, kind }: ImageSource, images: readonly SourceImage[]): SourceError {
  const { which, by } = tellApart(images);
  const more = images.length === MAX_NAMED ? ' and maybe more' : '';
  const hint = by === 'name' ? `name one, as ${NAMING[kind]}` : 'choose one by --platform';
  return new SourceError(`${title} has several images: ${which}${more}`, { hint });
}

/**
 * The only image of a source.
 * @throws SourceError when there are none or several, what listing throws
 */
export async function onlyImage(source: ImageSource, signal: AbortSignal): Promise<OpenImage> {
  const images: SourceImage[] = [];
  let problem: Extract<SourceItem, { kind: 'problem' }> | undefined;
  for await (const item of source.items(signal)) {
    if (item.kind === 'problem') problem ??= item;
    if (item.kind !== 'image') continue;
    if (images.push(item.image) === MAX_NAMED) break;
  }
  if (images.length > 1) throw severalImages(source, images);
  const [image] = images;
  if (image !== undefined) return { source, image };
  throw noImage(source, problem);
}

/** Entries of a layer as whoever reads them asks for them. */
async function* entriesOf(
  scanner: Pick<Scanner, 'scan'>,
  {
    source,
    layer,
  }: { readonly source: ImageSource; readonly layer: SourceImage['layers'][number] },
  signal: AbortSignal,
): AsyncGenerator<EntryBatch> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const watched = watch(layer, source.openLayer(layer, either), () => undefined);
  let waiting: EntryBatch | undefined;
  let taken = Promise.withResolvers<void>();
  let given = Promise.withResolvers<void>();
  let failure: { readonly error: unknown } | undefined;
  let isOver = false;
  const scanned = scanner
    .scan(
      watched.bytes,
      { mediaType: layer.mediaType, size: layer.size },
      async (batch) => {
        waiting = batch;
        given.resolve();
        await taken.promise;
      },
      either,
    )
    .then((scan) => void verify(layer, scan, watched.digest()))
    .catch((error: unknown) => {
      failure = { error };
    })
    .finally(() => {
      isOver = true;
      given.resolve();
    });
  try {
    for (;;) {
      await given.promise;
      if (waiting === undefined) break;
      const batch: EntryBatch = waiting;
      waiting = undefined;
      given = Promise.withResolvers();
      if (isOver) given.resolve();
      yield batch;
      const last = taken;
      taken = Promise.withResolvers();
      last.resolve();
    }
    if (failure !== undefined) throw failure.error;
  } finally {
    stop.abort();
    taken.resolve();
    await scanned;
  }
}

/**
 * Compares two images.
 * @throws SourceError, ScanError, WrongBytesError, the signal's reason
 */
export async function diffImages(
  from: OpenImage,
  to: OpenImage,
  { scanner, signal }: { readonly scanner: Pick<Scanner, 'scan'>; readonly signal: AbortSignal },
): Promise<ImageDiff> {
  const entries = ({ source, image }: OpenImage): LayerEntries[] =>
    image.layers.map((layer) => ({
      id: layer.id,
      batches: entriesOf(scanner, { source, layer }, signal),
    }));
  return await compareImages(entries(from), entries(to), signal);
}
