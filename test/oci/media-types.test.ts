import { describe, expect, it } from 'vitest';
import {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  essence,
  isDockerSchema1,
  isNonDistributable,
  manifestKind,
  OCI_IMAGE_INDEX,
  OCI_IMAGE_MANIFEST,
} from '../../src/oci/media-types.ts';

describe('MAN-P11 media types', () => {
  it('of images and of indexes', () => {
    expect(manifestKind(OCI_IMAGE_MANIFEST)).toBe('image');
    expect(manifestKind(DOCKER_MANIFEST)).toBe('image');
    expect(manifestKind(OCI_IMAGE_INDEX)).toBe('index');
    expect(manifestKind(DOCKER_MANIFEST_LIST)).toBe('index');
    expect(manifestKind('application/json')).toBeUndefined();
    expect(manifestKind('constructor')).toBeUndefined();
  });

  it('of schema 1, signed or not', () => {
    const prefix = 'application/vnd.docker.distribution.manifest.v1+';
    expect(isDockerSchema1(`${prefix}json`)).toBe(true);
    expect(isDockerSchema1(`${prefix}prettyjws`)).toBe(true);
    expect(isDockerSchema1(DOCKER_MANIFEST)).toBe(false);
  });

  it('MAN-P6 of layers that live elsewhere', () => {
    expect(isNonDistributable('application/vnd.oci.image.layer.nondistributable.v1.tar+gzip')).toBe(
      true,
    );
    expect(isNonDistributable('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')).toBe(
      true,
    );
    expect(isNonDistributable('application/vnd.oci.image.layer.v1.tar+gzip')).toBe(false);
  });

  it.each([
    ['Application/JSON', 'application/json'],
    [' text/plain ;charset=utf-8', 'text/plain'],
    ['text/plain;a=1;b=2', 'text/plain'],
    ['', ''],
  ])('MAN-P8 %j without its parameters', (header, expected) => {
    expect(essence(header)).toBe(expected);
  });
});
