/** The layers of a registry that a source has told of, and where they are to be had. */
import { SourceError } from '../errors.ts';
import type { SourceImage, SourceLayer } from '../types.ts';
import type { RegistryClient } from './client.ts';
import { streamLayer } from './layer-stream.ts';

/** Layers by digest; a registry gives a layer only by way of a repository that has it. */
export interface Layers {
  /** Remembers where the layers of an image are. */
  remember(image: SourceImage): void;
  /** @throws SourceError */
  open(layer: SourceLayer, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Creates an empty one. Takes some hundred bytes for each layer. */
export function createLayers(client: RegistryClient): Layers {
  const repositories = new Map<string, string>();
  return {
    remember({ repository, layers }) {
      for (const { id } of layers) if (!repositories.has(id)) repositories.set(id, repository);
    },
    async *open(layer, signal) {
      const repository = repositories.get(layer.id);
      if (repository === undefined)
        throw new SourceError(`layer ${layer.id} is not of this source`);
      yield* streamLayer(client, repository, layer, signal);
    },
  };
}
