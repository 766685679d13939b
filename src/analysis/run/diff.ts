/** Compares two images of sources, file by file, without a dataset. */
import { compareImages, type ImageDiff } from '../diff/compare.ts';
import type { LayerEntries } from '../diff/image-tree.ts';
import type { Scanner } from '../scan/scanner.ts';
import type { EntryBatch } from '../scan/types.ts';
import { SourceError } from '../sources/errors.ts';
import type { ImageSource, SourceImage } from '../sources/types.ts';
import { verify, watch } from './verify.ts';

/** An image and where it comes from. */
export interface OpenImage {
  readonly source: ImageSource;
  readonly image: SourceImage;
}

/**
 * The only image of a source.
 * @throws SourceError when there are none or several, what listing throws
 */
export async function onlyImage(source: ImageSource, signal: AbortSignal): Promise<OpenImage> {
  let found: SourceImage | undefined;
  let reason = 'it has no image';
  for await (const item of source.items(signal)) {
    if (item.kind === 'problem') reason = `${item.problem.what}: ${item.problem.reason}`;
    if (item.kind !== 'image') continue;
    if (found !== undefined) {
      throw new SourceError(`${source.title} has several images: name one, or its platform`);
    }
    found = item.image;
  }
  if (found === undefined) throw new SourceError(`${source.title}: ${reason}`);
  return { source, image: found };
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
