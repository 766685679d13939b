/** What is needed of an image's configuration (OCI image specification, "Image Configuration"). */
import { type Digest, isDigest } from '../../oci/digest.ts';
import type { Platform } from '../../oci/image.ts';
import { SourceError } from './errors.ts';

/** Bytes that a configuration may have; clients take as much. */
export const MAX_CONFIG = 4 * 1024 * 1024;

/** A configuration, as far as it makes sense. */
export interface ImageConfig {
  /** Undefined when it names no operating system or architecture. */
  readonly platform: Platform | undefined;
  /** Milliseconds since 1970; undefined when it is not said, or not a time from then on. */
  readonly created: number | undefined;
  /** Digests of the plain layers, the lowest one first; undefined where one is none. */
  readonly diffIds: readonly (Digest | undefined)[];
}

type Json = Readonly<Record<string, unknown>>;

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/**
 * Reads JSON that has to be an object.
 * @throws SourceError
 */
export function parseObject(bytes: Uint8Array, what: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (error) {
    throw new SourceError(`${what} is no JSON`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SourceError(`${what} is no JSON object`);
  }
  return value as Json;
}

/**
 * Reads a configuration; what makes no sense in it is left out.
 * @throws SourceError when it is no JSON object
 */
export function readImageConfig(bytes: Uint8Array): ImageConfig {
  const json = parseObject(bytes, 'the configuration');
  const os = asText(json.os);
  const architecture = asText(json.architecture);
  const created = Date.parse(asText(json.created));
  const { diff_ids: diffIds } = asObject(json.rootfs);
  return {
    platform:
      os === '' || architecture === ''
        ? undefined
        : { os, architecture, variant: asText(json.variant) },
    // Programs that set no time write the zero of Go's clock, the year 1.
    created: created >= 0 ? created : undefined,
    diffIds: (Array.isArray(diffIds) ? diffIds : []).map((diffId: unknown) =>
      typeof diffId === 'string' && isDigest(diffId) ? diffId : undefined,
    ),
  };
}
