/** Where images come from: what every kind of source offers. */
import type { Digest } from '../../oci/digest.ts';
import type { Platform } from '../../oci/image.ts';

/** The kinds of sources. `tar` is a layer that lies alone in a file. */
export type SourceKind =
  | 'registry'
  | 'docker-hub'
  | 'oci-layout'
  | 'docker-archive'
  | 'tar'
  | 'stowage';

/** What a source may not be able to tell; metrics that need it are then left out, with the reason. */
export type Fact = 'compressed-size' | 'images' | 'pull-counts';

/** A layer as a source names it. */
export interface SourceLayer {
  /**
   * What tells it from others within one run: the digest of its bytes as they are stored; where
   * that cannot be known before it was read, something that begins with the name of the kind.
   */
  readonly id: string;
  /** Of the bytes as they are stored, to be verified; undefined when the source does not say. */
  readonly digest: Digest | undefined;
  /** Of the uncompressed tar, as the image's configuration says; not verified. */
  readonly diffId: Digest | undefined;
  /** Bytes as they are stored; undefined when the source does not say. */
  readonly size: number | undefined;
  /** '' when the source has none. */
  readonly mediaType: string;
}

/** An image for one platform. */
export interface SourceImage {
  /** As the source names it; '' when it has no names. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** Of the manifest; where there is none, of the configuration. */
  readonly digest: Digest;
  readonly platform: Platform | undefined;
  /** The lowest one first; one that comes twice stands twice. */
  readonly layers: readonly SourceLayer[];
  /** When it was made, milliseconds since 1970. */
  readonly created: number | undefined;
  /** Of the repository, where the source counts them. */
  readonly pulls: number | undefined;
  readonly stars: number | undefined;
}

/** Something that could not be had. The run goes on, and the report lists it. */
export interface SourceProblem {
  /** Which image, layer or page. */
  readonly what: string;
  readonly reason: string;
  /** Nothing that was asked for is missing: images of other platforms only, or what is no image. */
  readonly isLeftOut?: true | undefined;
}

/** What a source yields, in its own order. `layer` is one of which no image is known to hold it. */
export type SourceItem =
  | { readonly kind: 'image'; readonly image: SourceImage }
  | { readonly kind: 'layer'; readonly layer: SourceLayer }
  | {
      readonly kind: 'problem';
      readonly problem: SourceProblem;
      /** What helps, for who has nothing but the problem. */
      readonly hint?: string | undefined;
    };

/** Something that holds images. */
export interface ImageSource {
  readonly kind: SourceKind;
  /** For people, for example `registry http://127.0.0.1:5000`. */
  readonly title: string;
  /** More about it once that is known, for example what a sample was drawn from; the title stays. */
  readonly note?: string | undefined;
  /** What it cannot tell, with the reason. */
  readonly unknown: ReadonlyMap<Fact, string>;
  /** All images that were asked for. Ends early, with an error, only when nothing can be had any more. */
  items(signal: AbortSignal): AsyncIterable<SourceItem>;
  /**
   * The bytes of a layer as they are stored, in pieces of any size, which are given away: the caller may keep
   * them, hand their memory on, or detach it. A
   * connection that is cut is taken up again where it broke off. The digest is not checked here.
   * @throws SourceError
   */
  openLayer(layer: SourceLayer, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}
