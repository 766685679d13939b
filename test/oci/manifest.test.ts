import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OciError } from '../../src/oci/errors.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  OCI_IMAGE_INDEX,
  OCI_IMAGE_MANIFEST,
} from '../../src/oci/media-types.ts';

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const CONFIG = 'application/vnd.oci.image.config.v1+json';

/** A descriptor of made-up content. */
function descriptor(seed: number, extra: object = {}) {
  const digest = `sha256:${seed.toString(16).padStart(64, '0')}`;
  return { mediaType: LAYER, digest, size: seed, ...extra };
}

const image = (extra: object = {}): object => ({
  schemaVersion: 2,
  mediaType: OCI_IMAGE_MANIFEST,
  config: descriptor(1, { mediaType: CONFIG }),
  layers: [descriptor(2), descriptor(3)],
  ...extra,
});

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const parse = (value: unknown, contentType?: string) => parseManifest(bytesOf(value), contentType);

/** The message of the refusal; fails when there is none or it is of another kind. */
function refusal(bytes: Uint8Array | object, contentType?: string): string {
  try {
    parseManifest(bytes instanceof Uint8Array ? bytes : bytesOf(bytes), contentType);
  } catch (error) {
    expect(error).toBeInstanceOf(OciError);
    expect(error).toMatchObject({ code: 'MANIFEST_INVALID', status: 400 });
    return (error as OciError).message;
  }
  return expect.fail('it was taken');
}

describe('what a manifest refers to', () => {
  it('config and layers of an image', () => {
    const parsed = parse(image(), OCI_IMAGE_MANIFEST);
    expect(parsed.kind).toBe('image');
    expect(parsed.required.map(({ size }) => size)).toEqual([1, 2, 3]);
    expect(parsed.optional).toEqual([]);
    expect(parsed.subject).toBeUndefined();
  });

  it('manifests of an index', () => {
    const index = { schemaVersion: 2, manifests: [descriptor(4), descriptor(5)] };
    for (const type of [OCI_IMAGE_INDEX, DOCKER_MANIFEST_LIST]) {
      const parsed = parse(index, type);
      expect(parsed.kind).toBe('index');
      expect(parsed.required.map(({ size }) => size)).toEqual([4, 5]);
    }
  });

  it('MAN-P6 foreign layers and embedded content may be missing', () => {
    const foreign = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
    const layers = [
      descriptor(2, { mediaType: foreign }),
      descriptor(3, { urls: ['https://example.com/layer'] }),
      descriptor(4, { data: 'AA==' }),
      descriptor(5, { urls: [] }),
      descriptor(6),
    ];
    const parsed = parse(image({ layers }), OCI_IMAGE_MANIFEST);
    expect(parsed.optional.map(({ size }) => size)).toEqual([2, 3, 4]);
    expect(parsed.required.map(({ size }) => size)).toEqual([1, 5, 6]);
  });

  it('MAN-P6 no layers, an empty index, null lists', () => {
    expect(parse(image({ layers: [] })).required).toHaveLength(1);
    expect(parse(image({ layers: null })).required).toHaveLength(1);
    expect(parse({ schemaVersion: 2, manifests: [] }, OCI_IMAGE_INDEX).required).toEqual([]);
    expect(parse({ schemaVersion: 2 }, OCI_IMAGE_INDEX).required).toEqual([]);
  });

  it('MAN-P5 a subject is no reference that must be there', () => {
    const parsed = parse(image({ subject: descriptor(9) }));
    expect(parsed.subject?.size).toBe(9);
    expect(parsed.required.map(({ size }) => size)).toEqual([1, 2, 3]);
    expect(parse(image({ subject: null })).subject).toBeUndefined();
  });

  it('REF-4 artifactType, else the type of the config', () => {
    expect(parse(image({ artifactType: 'a/b' })).artifactType).toBe('a/b');
    expect(parse(image()).artifactType).toBe(CONFIG);
    expect(parse(image({ artifactType: '' })).artifactType).toBe(CONFIG);
    expect(parse({ schemaVersion: 2, manifests: [] }, OCI_IMAGE_INDEX).artifactType).toBe(
      undefined,
    );
  });

  it('annotations as they are', () => {
    expect(parse(image({ annotations: { a: 'b' } })).annotations).toEqual({ a: 'b' });
    expect(parse(image()).annotations).toBeUndefined();
    expect(parse(image({ annotations: null })).annotations).toBeUndefined();
    const odd = Buffer.from(
      JSON.stringify(image()).replace(/}$/, ',"annotations":{"__proto__":"x","":"y"}}'),
    );
    const { annotations } = parseManifest(odd, OCI_IMAGE_MANIFEST);
    expect(JSON.stringify(annotations)).toBe('{"__proto__":"x","":"y"}');
  });

  it('reads any list of references that is well-formed', () => {
    const layer = fc.record(
      {
        mediaType: fc.constantFrom(LAYER, CONFIG, 'x'),
        digest: fc.integer({ min: 0, max: 9 }).map((seed) => descriptor(seed).digest),
        size: fc.maxSafeNat(),
        urls: fc.constant(['https://example.com/']),
        data: fc.constant(''),
      },
      { requiredKeys: ['mediaType', 'digest', 'size'] },
    );
    fc.assert(
      fc.property(fc.array(layer), (layers) => {
        const parsed = parse(image({ layers }), OCI_IMAGE_MANIFEST);
        const outside = layers.filter(({ urls, data }) => urls !== undefined || data !== undefined);
        const pick = (all: readonly { digest: string; size: number }[]) =>
          all.map(({ digest, size }) => ({ digest, size }));
        expect(pick(parsed.optional)).toEqual(pick(outside));
        const inside = layers.filter((one) => !outside.includes(one));
        expect(pick(parsed.required.slice(1))).toEqual(pick(inside));
      }),
      { numRuns: 200 },
    );
  });
});

describe('MAN-P8 the media type', () => {
  it('comes from the header without parameters, else from the field', () => {
    const bare = image({ mediaType: undefined });
    expect(parse(bare, `${OCI_IMAGE_MANIFEST}; charset=utf-8`).mediaType).toBe(OCI_IMAGE_MANIFEST);
    expect(parse(bare, DOCKER_MANIFEST).mediaType).toBe(DOCKER_MANIFEST);
    expect(parse(image()).mediaType).toBe(OCI_IMAGE_MANIFEST);
    expect(refusal(bare)).toBe('manifest has no media type');
  });

  it('must not differ between the two', () => {
    expect(refusal(image(), DOCKER_MANIFEST)).toMatch('differ');
    expect(refusal(image({ mediaType: 5 }), OCI_IMAGE_MANIFEST)).toMatch('not a string');
  });

  it('MAN-P11 must be one of a manifest', () => {
    const v1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
    expect(refusal(image({ mediaType: v1 }), v1)).toMatch('schema 1');
    expect(refusal(image({ mediaType: 'text/plain' }), 'text/plain')).toMatch('media type');
    expect(refusal(image({ mediaType: 'constructor' }), 'constructor')).toMatch('media type');
  });
});

describe('bad manifests are refused', () => {
  it.each([
    ['nothing', ''],
    ['no JSON', '{"schemaVersion":2'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a number', '2'],
    ['a byte order mark', `\u{feff}${JSON.stringify(image())}`],
  ])('%s', (_, text) => {
    refusal(Buffer.from(text), OCI_IMAGE_MANIFEST);
  });

  it.each([
    ['schemaVersion 1', { schemaVersion: 1 }],
    ['schemaVersion as text', { schemaVersion: '2' }],
    ['no config', { config: undefined }],
    ['config null', { config: null }],
    ['config a list', { config: [] }],
    ['layers an object', { layers: {} }],
    ['layers a text', { layers: 'abc' }],
    ['a layer null', { layers: [null] }],
    ['a layer without digest', { layers: [{ mediaType: LAYER, size: 1 }] }],
    ['a digest in capitals', { layers: [descriptor(1, { digest: `sha256:${'A'.repeat(64)}` })] }],
    ['a digest with a path', { layers: [descriptor(1, { digest: '../../etc/passwd' })] }],
    ['a digest that is an object', { layers: [descriptor(1, { digest: {} })] }],
    ['no size', { layers: [descriptor(1, { size: undefined })] }],
    ['a negative size', { layers: [descriptor(1, { size: -1 })] }],
    ['a broken size', { layers: [descriptor(1, { size: 1.5 })] }],
    ['a size beyond all numbers', { layers: [descriptor(1, { size: 2 ** 60 })] }],
    ['a size as text', { layers: [descriptor(1, { size: '1' })] }],
    ['a media type that is a number', { layers: [descriptor(1, { mediaType: 1 })] }],
    ['artifactType a number', { artifactType: 1 }],
    ['subject a text', { subject: 'x' }],
    ['subject without digest', { subject: { size: 1 } }],
    ['annotations a list', { annotations: ['a'] }],
    ['an annotation that is a number', { annotations: { a: 1 } }],
    ['too many layers', { layers: Array.from({ length: 20_001 }, () => descriptor(1)) }],
  ])('%s', (_, extra) => {
    refusal(image(extra), OCI_IMAGE_MANIFEST);
  });

  it('invalid UTF-8, wherever it stands', () => {
    const good = JSON.stringify(image({ annotations: { a: 'HERE' } }));
    const [before, after] = good.split('HERE') as [string, string];
    for (const bad of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf8, 0x88], [0xc0, 0x80]]) {
      const bytes = Buffer.concat([Buffer.from(before), Buffer.from(bad), Buffer.from(after)]);
      expect(refusal(bytes, OCI_IMAGE_MANIFEST)).toMatch('UTF-8');
    }
  });

  it('deep nesting, before it can exhaust the stack', () => {
    const deep = (depth: number, [open, close]: [string, string]): Buffer => {
      const nested = `${open.repeat(depth)}1${close.repeat(depth)}`;
      return Buffer.from(JSON.stringify(image()).replace(/}$/, `,"x":${nested}}`));
    };
    expect(parseManifest(deep(63, ['[', ']']), undefined).kind).toBe('image');
    expect(refusal(deep(64, ['[', ']']), undefined)).toMatch('deeply');
    expect(refusal(deep(64, ['{"a":', '}']), undefined)).toMatch('deeply');
    expect(refusal(deep(2_000_000, ['[', ']']), undefined)).toMatch('deeply');
    expect(refusal(Buffer.from('['.repeat(1_000_000)), OCI_IMAGE_MANIFEST)).toMatch('deeply');
  });

  it('brackets inside strings are no nesting', () => {
    const text = `${'[{'.repeat(200)}"\\"\\\\`;
    const { annotations } = parse(image({ annotations: { a: text, [text]: '' } }));
    expect(annotations).toEqual({ a: text, [text]: '' });
    // A string that never ends hides no brackets from the JSON parser.
    refusal(Buffer.from('{"a\\":[[['), OCI_IMAGE_MANIFEST);
  });

  it('whatever comes: taken, or refused as invalid', () => {
    const value = fc.oneof(
      { weight: 3, arbitrary: fc.jsonValue() },
      { weight: 1, arbitrary: fc.constantFrom(descriptor(1), [descriptor(2)], 2, 'x') },
    );
    const known = [
      'schemaVersion',
      'mediaType',
      'config',
      'layers',
      'manifests',
      'subject',
      'artifactType',
      'annotations',
    ];
    const almost = fc
      .dictionary(fc.constantFrom(...known), value, { maxKeys: 3 })
      .map((extra) => bytesOf(image(extra)));
    const type = fc.constantFrom(OCI_IMAGE_MANIFEST, OCI_IMAGE_INDEX, undefined, ';', 'x');
    const any = fc.oneof(almost, fc.jsonValue().map(bytesOf), fc.uint8Array({ maxLength: 200 }));
    let taken = 0;
    fc.assert(
      fc.property(any, type, (bytes, contentType) => {
        try {
          const parsed = parseManifest(bytes, contentType);
          expect(parsed.required.every(({ size }) => Number.isSafeInteger(size))).toBe(true);
          taken++;
        } catch (error) {
          expect(error).toMatchObject({ code: 'MANIFEST_INVALID' });
        }
      }),
      { numRuns: 2000 },
    );
    expect(taken).toBeGreaterThan(50);
  });
});
