/** Reads sources into a dataset: images as they are listed, and each layer once, several at a time. */
import { createSlots } from '../../lib/slots.ts';
import type { Dataset, LayerWriter } from '../dataset/dataset.ts';
import { ScanError } from '../scan/errors.ts';
import type { Scanner } from '../scan/scanner.ts';
import { SourceError } from '../sources/errors.ts';
import type { ImageSource, SourceLayer, SourceProblem } from '../sources/types.ts';
import { WrongBytesError } from './errors.ts';
import type { LayerFolder } from './layer-folder.ts';
import { verify, watch } from './verify.ts';

/** How far a run is. */
export interface CollectProgress {
  images: number;
  /** Distinct layers that were found so far, those read to their end, those that could not be. */
  layersFound: number;
  layersDone: number;
  layersFailed: number;
  /** Stored bytes: read, and of the layers found as far as their sources say. */
  bytesRead: number;
  bytesFound: number;
  /** Of the uncompressed archives of layers that are done. */
  bytesUnpacked: number;
  entries: number;
}

/** What is needed to collect. */
export interface CollectOptions {
  readonly dataset: Dataset;
  readonly scanner: Pick<Scanner, 'scan'>;
  /** Layers that are fetched at a time; those beyond the scanner's threads wait with their first bytes. */
  readonly atOnce: number;
  /** Where layers are kept, and taken from when they are there. Default: nowhere. */
  readonly kept?: LayerFolder | undefined;
  readonly signal: AbortSignal;
  /** Told whenever something has changed; the object is the same each time. */
  readonly onProgress?: ((progress: Readonly<CollectProgress>) => void) | undefined;
}

/** What collecting came to. */
export interface Collected {
  readonly progress: Readonly<CollectProgress>;
  readonly problems: readonly SourceProblem[];
  /** What there was besides, and was not asked for. */
  readonly leftOut: readonly SourceProblem[];
}

/** Times that the bytes of a layer are fetched when they are not what they should be. */
const ATTEMPTS = 2;

/** A layer in one of the sources. */
interface Place {
  readonly source: ImageSource;
  /** Of the source, in the dataset. */
  readonly number: number;
  readonly layer: SourceLayer;
}

/** A layer that is not read yet. */
interface Wanted {
  /** Where it was tried, or is being tried. */
  readonly tried: Set<ImageSource>;
  /** Other sources that have it, to be tried when this one fails. */
  readonly others: Place[];
  /** Once it could not be read anywhere. */
  problem: SourceProblem | undefined;
}

/** Whether an error is about one layer, so that the others may go on. */
function isOfOneLayer(error: unknown): error is Error {
  return (
    error instanceof SourceError || error instanceof ScanError || error instanceof WrongBytesError
  );
}

/**
 * Reads all that some sources have. What cannot be had becomes a problem, and the rest goes on; layers
 * that the dataset has are not read again, and one that cannot be had from a source is tried in the
 * others that have it.
 * @throws DatasetError, the signal's reason, what listing a source throws
 */
export async function collect(
  sources: readonly ImageSource[],
  { dataset, scanner, atOnce, kept, signal, onProgress }: CollectOptions,
): Promise<Collected> {
  const problems: SourceProblem[] = [];
  const leftOut: SourceProblem[] = [];
  const progress: CollectProgress = {
    images: 0,
    layersFound: 0,
    layersDone: 0,
    layersFailed: 0,
    bytesRead: 0,
    bytesFound: 0,
    bytesUnpacked: 0,
    entries: 0,
  };
  const tell = (): void => onProgress?.(progress);
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);

  async function bytesOf(source: ImageSource, layer: SourceLayer) {
    const { digest } = layer;
    const found = digest === undefined ? undefined : await kept?.read(digest, either);
    if (found !== undefined) return { bytes: found, isKept: true };
    return { bytes: source.openLayer(layer, either), isKept: false };
  }

  /** One attempt. @throws what stands in the way of this layer, or of all */
  async function readOnce({ source, number, layer }: Place): Promise<void> {
    const { bytes, isKept } = await bytesOf(source, layer);
    const watched = watch(layer, bytes, (length) => {
      progress.bytesRead += length;
      tell();
    });
    const keeping = isKept ? undefined : await kept?.take(watched.bytes);
    let writer: LayerWriter | undefined;
    try {
      writer = await dataset.beginLayer(number, layer);
      const into = writer;
      const read = await scanner.scan(
        keeping?.bytes ?? watched.bytes,
        { mediaType: layer.mediaType, size: layer.size },
        (batch) => into.append(batch),
        either,
      );
      const scan = verify(layer, read, watched.digest());
      await keeping?.keep(layer.digest ?? scan.digest);
      await writer.finish(scan);
      progress.layersDone++;
      progress.bytesUnpacked += scan.archiveSize;
      progress.entries += scan.entries;
    } catch (error) {
      await writer?.abort();
      await keeping?.drop();
      if (isKept && error instanceof WrongBytesError) await kept?.drop(layer.digest!);
      throw error;
    }
  }

  /** @returns why one source cannot give the layer; undefined when it was read */
  async function readFrom(place: Place): Promise<Error | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        await readOnce(place);
        return undefined;
      } catch (error) {
        either.throwIfAborted();
        if (!isOfOneLayer(error)) throw error;
        if (!(error instanceof WrongBytesError) || attempt === ATTEMPTS) return error;
      } finally {
        tell();
      }
    }
  }

  async function readLayer(first: Place, wanted: Wanted): Promise<void> {
    const { id } = first.layer;
    for (let place: Place | undefined = first; place !== undefined; ) {
      const error = await readFrom(place);
      if (error === undefined) {
        layers.set(id, 'read');
        return;
      }
      place = wanted.others.shift();
      if (place === undefined) {
        wanted.problem = { what: `layer ${id}`, reason: error.message };
        progress.layersFailed++;
      }
    }
    tell();
  }

  const slots = createSlots(atOnce);
  const layers = new Map<string, Wanted | 'read'>();
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;

  /** Reads a layer when there is room, which holds the listing up. */
  async function start(place: Place, wanted: Wanted): Promise<void> {
    const release = await slots.take(either);
    const work = readLayer(place, wanted)
      .catch((error: unknown) => {
        failure ??= { error };
        stop.abort(error);
      })
      .finally(() => {
        release();
        running.delete(work);
      });
    running.add(work);
  }

  /** Begins with a layer that a source lists, unless that was done before. */
  async function begin(place: Place): Promise<void> {
    const { source, layer } = place;
    const known = layers.get(layer.id);
    if (known === 'read') return;
    if (known !== undefined) {
      if (known.tried.has(source)) return;
      known.tried.add(source);
      if (known.problem === undefined) {
        known.others.push(place);
      } else {
        known.problem = undefined;
        progress.layersFailed--;
        await start(place, known);
      }
      return;
    }
    progress.layersFound++;
    progress.bytesFound += layer.size ?? 0;
    if (dataset.has(layer.id)) {
      layers.set(layer.id, 'read');
      progress.layersDone++;
      progress.bytesRead += layer.size ?? 0;
      return;
    }
    const wanted: Wanted = { tried: new Set([source]), others: [], problem: undefined };
    layers.set(layer.id, wanted);
    await start(place, wanted);
  }

  try {
    for (const source of sources) {
      const number = dataset.addSource(source);
      for await (const item of source.items(either)) {
        if (item.kind === 'problem')
          (item.problem.isLeftOut ? leftOut : problems).push(item.problem);
        else if (item.kind === 'layer') await begin({ source, number, layer: item.layer });
        else {
          if (dataset.addImage(number, item.image)) progress.images++;
          for (const layer of item.image.layers) await begin({ source, number, layer });
        }
        tell();
      }
      // By now it may have a note.
      dataset.addSource(source);
    }
    await Promise.all(running);
  } catch (error) {
    failure ??= { error };
    stop.abort(error);
    await Promise.all(running);
  }
  if (failure !== undefined) throw failure.error;
  for (const layer of layers.values()) {
    if (layer !== 'read' && layer.problem !== undefined) problems.push(layer.problem);
  }
  return { progress, problems, leftOut };
}
