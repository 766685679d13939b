/**
 * Reads as much of a manifest as the registry must know: what it refers to, what it is, and how it
 * is described to referrers. The bytes themselves are stored and served untouched.
 */
import { type Digest, isDigest } from './digest.ts';
import { manifestInvalid } from './errors.ts';
import {
  essence,
  isDockerSchema1,
  isNonDistributable,
  type ManifestKind,
  manifestKind,
} from './media-types.ts';

/** A reference inside a manifest (OCI image specification, "Descriptors"). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** What a manifest says that the registry acts on. */
export interface ParsedManifest {
  readonly mediaType: string;
  readonly kind: ManifestKind;
  /** References that must exist when the manifest is pushed. */
  readonly required: readonly Descriptor[];
  /** References that may be missing: foreign layers and content embedded as `data`. */
  readonly optional: readonly Descriptor[];
  readonly subject: Descriptor | undefined;
  /** `artifactType`, else the config's media type for image manifests (REF-4). */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

/** JSON nested deeper than this is refused before it is parsed. */
const MAX_DEPTH = 64;
/** References of one manifest; the largest real indexes have a few thousand. */
const MAX_REFERENCES = 20_000;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Deepest nesting of brackets outside strings; stops counting beyond `limit`. */
function exceedsDepth(bytes: Uint8Array, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i];
    if (inString) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x7b || c === 0x5b) {
      if (++depth > limit) return true;
    } else if (c === 0x7d || c === 0x5d) depth--;
  }
  return false;
}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(bytes: Uint8Array): Json {
  if (exceedsDepth(bytes, MAX_DEPTH)) throw manifestInvalid('manifest is nested too deeply');
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw manifestInvalid('manifest is not valid UTF-8');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw manifestInvalid('manifest is not valid JSON', (error as Error).message.slice(0, 200));
  }
  if (!isObject(value)) throw manifestInvalid('manifest is not a JSON object');
  return value;
}

function readDescriptor(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw manifestInvalid(`${where} is not a descriptor`);
  const { digest, size, mediaType } = value;
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw manifestInvalid(`${where} has no valid digest`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw manifestInvalid(`${where} has no valid size`);
  }
  if (mediaType !== undefined && typeof mediaType !== 'string') {
    throw manifestInvalid(`${where} has an invalid mediaType`);
  }
  return { digest, size, mediaType: mediaType ?? '' };
}

function readList(value: unknown, where: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw manifestInvalid(`${where} is not a list`);
  if (value.length > MAX_REFERENCES) throw manifestInvalid(`${where} has too many entries`);
  return value;
}

/** Foreign layers and embedded content may be missing from the registry (MAN-P6). */
function mayBeMissing(raw: unknown, descriptor: Descriptor): boolean {
  const { urls, data } = raw as Json;
  return (
    isNonDistributable(descriptor.mediaType) ||
    (Array.isArray(urls) && urls.length > 0) ||
    typeof data === 'string'
  );
}

function readAnnotations(value: unknown): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw manifestInvalid('annotations is not an object');
  for (const text of Object.values(value)) {
    if (typeof text !== 'string') throw manifestInvalid('an annotation is not a string');
  }
  return value as Record<string, string>;
}

function resolveMediaType(contentType: string | undefined, field: unknown): string {
  if (field !== undefined && typeof field !== 'string') {
    throw manifestInvalid('mediaType is not a string');
  }
  const header = contentType === undefined ? undefined : essence(contentType);
  if (header !== undefined && field !== undefined && header !== field) {
    throw manifestInvalid('Content-Type and the mediaType field differ', { header, field });
  }
  const mediaType = header ?? field;
  if (mediaType === undefined) throw manifestInvalid('manifest has no media type');
  return mediaType;
}

/**
 * Parses and checks a manifest.
 *
 * @param bytes - the body as pushed
 * @param contentType - the request's Content-Type, parameters and all
 * @throws OciError MANIFEST_INVALID
 */
export function parseManifest(bytes: Uint8Array, contentType: string | undefined): ParsedManifest {
  const json = parseJson(bytes);
  const mediaType = resolveMediaType(contentType, json.mediaType);
  const kind = manifestKind(mediaType);
  if (kind === undefined) {
    const message = isDockerSchema1(mediaType)
      ? 'docker schema 1 manifests are not supported'
      : 'media type is not one of a manifest';
    throw manifestInvalid(message, { mediaType });
  }
  if (json.schemaVersion !== 2) throw manifestInvalid('schemaVersion is not 2');

  const required: Descriptor[] = [];
  const optional: Descriptor[] = [];
  const add = (raw: unknown, where: string): Descriptor => {
    const descriptor = readDescriptor(raw, where);
    (mayBeMissing(raw, descriptor) ? optional : required).push(descriptor);
    return descriptor;
  };
  let configType: string | undefined;
  if (kind === 'image') {
    configType = add(json.config, 'config').mediaType;
    readList(json.layers, 'layers').forEach((raw, i) => void add(raw, `layers[${i}]`));
  } else {
    readList(json.manifests, 'manifests').forEach((raw, i) => void add(raw, `manifests[${i}]`));
  }
  const { artifactType } = json;
  if (artifactType !== undefined && typeof artifactType !== 'string') {
    throw manifestInvalid('artifactType is not a string');
  }
  const subject =
    json.subject === undefined || json.subject === null
      ? undefined
      : readDescriptor(json.subject, 'subject');
  return {
    mediaType,
    kind,
    required,
    optional,
    subject,
    artifactType: artifactType || configType || undefined,
    annotations: readAnnotations(json.annotations),
  };
}
