/** The sets of content that the official suite pushes, reads and deletes, under its names. */

import { randomUUID } from 'node:crypto';
import {
  addArtifact,
  addBlob,
  addConfig,
  addImage,
  addIndex,
  addLayer,
  addPlatformIndex,
  type Content,
  type Descriptor,
  digestOf,
  type ImageOptions,
  type ManifestOptions,
  MEDIA_TYPES,
  newContent,
  PLATFORMS,
  unknownDigest,
} from './content.ts';
import { settings } from './settings.ts';

/** One branch of the test tree. */
export interface DataSet {
  readonly name: string;
  readonly content: Content;
  /** Push every manifest by digest with its tags as parameters. */
  readonly tagParams?: boolean;
  /** The manifests do not match their digests and must be refused. */
  readonly badDigest?: boolean;
}

const TYPE_1 = 'application/vnd.example.stowage.conformance.v1';
const TYPE_2 = 'application/vnd.example.stowage.conformance.v2';

/** Annotations that no other manifest has. */
function uniqueAnnotations(): Record<string, string> {
  return { 'org.example.conformance': 'hello', [`org.example.${randomUUID()}`]: randomUUID() };
}

function make(build: (content: Content) => void): Content {
  const content = newContent();
  build(content);
  return content;
}

/** Makes this run's configurations others than those of any other run. */
const RUN = randomUUID();

/**
 * An image whose configuration is the same blob in every set, so that deleting one set takes away
 * and pushing the next one brings back what other sets use.
 */
function addSharingImage(content: Content, options: ImageOptions = {}): Descriptor {
  const count = typeof options.layers === 'number' ? options.layers : 2;
  const diffIds = Array.from({ length: count }, () => digestOf('', options.algorithm));
  const config = addConfig(content, diffIds, { ...options, extra: { run: RUN, ...options.extra } });
  return addImage(content, { ...options, config });
}

const addSharingIndex = (content: Content, options: ManifestOptions = {}): Descriptor =>
  addPlatformIndex(content, options, addSharingImage);

/** An index of artifacts, one for each platform. */
function addArtifactIndex(content: Content, options: ManifestOptions): Descriptor {
  return addPlatformIndex(content, { ...options, artifactType: TYPE_1 }, (into, one) =>
    addArtifact(into, { ...one, artifactType: TYPE_1 }),
  );
}

function largeManifest(content: Content): void {
  const entries = Array.from({ length: 390 }, (_, i) => [`large-${i}`, 'A'.repeat(10_000)]);
  addSharingImage(content, { tag: 'large-manifest', annotations: Object.fromEntries(entries) });
}

function nestedIndex(content: Content): void {
  const indexes = [addSharingIndex(content), addSharingIndex(content)];
  addIndex(content, indexes, { tag: 'index-of-index' });
}

function artifactWithoutLayers(content: Content): void {
  const config = addBlob(content, Buffer.from('{}'), { mediaType: MEDIA_TYPES.empty });
  addImage(content, {
    tag: 'artifact-without-layers',
    artifactType: TYPE_1,
    config,
    layers: [config],
  });
}

function artifactsWithSubject(content: Content): void {
  const subject = addSharingImage(content, { tag: 'image' });
  addSharingImage(content, { subject });
  for (const [i, artifactType] of [TYPE_1, TYPE_2].entries()) {
    const annotations = uniqueAnnotations();
    addArtifact(content, { artifactType, annotations, subject, tag: `tagged-artifact${i + 1}` });
  }
}

function indexWithSubject(content: Content): void {
  const subject = addSharingIndex(content, { tag: 'index' });
  const annotations = uniqueAnnotations();
  addArtifactIndex(content, { annotations, subject, tag: 'tagged-artifact' });
}

function missingSubject(content: Content): void {
  addArtifact(content, {
    artifactType: TYPE_1,
    annotations: uniqueAnnotations(),
    subject: { mediaType: MEDIA_TYPES.manifest, digest: unknownDigest(), size: 123 },
    tag: 'tagged-artifact',
  });
}

function foreignLayers(content: Content): void {
  const foreign = [MEDIA_TYPES.foreignLayerGzip, MEDIA_TYPES.foreignLayer].map((mediaType) => {
    const digest = unknownDigest();
    const urls = [`https://store.example.com/blobs/${digest}`];
    return { mediaType, digest, size: 12_345, urls };
  });
  const { descriptor, diffId } = addLayer(content);
  const config = addConfig(content, [unknownDigest(), unknownDigest(), diffId]);
  addImage(content, { tag: 'non-distributable-image', config, layers: [...foreign, descriptor] });
}

function customFields(content: Content): void {
  const extra = { [`org.example.${randomUUID()}`]: randomUUID() };
  addSharingIndex(content, { tag: 'custom-fields', extra });
}

function sparse(content: Content): void {
  const missingLayer = addLayer(content).descriptor;
  const { descriptor } = addLayer(content);
  addSharingImage(content, { tag: 'sparse-image', layers: [missingLayer, descriptor] });
  content.blobs.delete(missingLayer.digest);
  const image = addSharingImage(content);
  const missing = { mediaType: MEDIA_TYPES.manifest, digest: unknownDigest(), size: 1024 };
  const manifests = [image, missing].map((one, i) => ({ ...one, platform: PLATFORMS[i] }));
  addIndex(content, manifests, { tag: 'sparse-index' });
}

function tagParams(content: Content, algorithm: 'sha256' | 'sha512'): void {
  const name = `tag-param-${algorithm}`;
  addSharingIndex(content, { tag: name, algorithm });
  for (const [i, { digest }] of content.manifests.entries())
    content.tags.set(`${name}-${i}`, digest);
}

function badDigest(content: Content): void {
  addSharingImage(content);
  const [manifest] = content.manifests;
  content.manifests[0] = {
    ...manifest!,
    bytes: Buffer.concat([manifest!.bytes, Buffer.from('  ')]),
  };
}

/** The sets that the settings ask for, in the official order. */
export function dataSets(): DataSet[] {
  const { api, data } = settings;
  if (!data.image || !api.push) return [];
  const sets: DataSet[] = [];
  const add = (
    name: string,
    build: (content: Content) => void,
    { when = true, ...flags }: { when?: boolean; tagParams?: boolean; badDigest?: boolean } = {},
  ): void => {
    if (when) sets.push({ name, content: make(build), ...flags });
  };
  const { manifests } = api;
  add('image', (content) => void addSharingImage(content, { tag: 'image' }));
  add('image-uncompressed', (content) => {
    addSharingImage(content, { tag: 'image-uncompressed', compressed: false });
  });
  add('large-manifest', largeManifest);
  add('index', (content) => void addSharingIndex(content, { tag: 'index' }), { when: data.index });
  add('nested-index', nestedIndex, { when: data.index && data.indexList });
  add('empty-index', (content) => void addIndex(content, [], { tag: 'index' }), {
    when: data.index,
  });
  add(
    'artifact',
    (content) => void addArtifact(content, { artifactType: TYPE_1, tag: 'artifact' }),
    {
      when: data.artifact,
    },
  );
  add('artifact-index', (content) => void addArtifactIndex(content, { tag: 'artifact-index' }), {
    when: data.artifactList,
  });
  add('artifact-without-layers', artifactWithoutLayers, { when: data.artifact });
  add('artifacts-with-subject', artifactsWithSubject, { when: data.subject });
  add('index-with-subject', indexWithSubject, { when: data.subjectList });
  add('missing-subject', missingSubject, { when: data.subjectMissing });
  add(
    'data-field',
    (content) => void addSharingImage(content, { tag: 'data-field', embed: true }),
    {
      when: data.dataField,
    },
  );
  add('non-distributable-layers', foreignLayers, { when: data.nondistributable });
  add('custom-fields', customFields, { when: data.customFields });
  add('no-layers', (content) => void addSharingImage(content, { tag: 'no-layers', layers: 0 }), {
    when: data.noLayers,
  });
  add('sparse', sparse, { when: data.sparse });
  add('sha512', (content) => void addSharingIndex(content, { algorithm: 'sha512' }), {
    when: data.sha512,
  });
  add('tag-param-sha256', (content) => tagParams(content, 'sha256'), {
    when: manifests.tagParam,
    tagParams: true,
  });
  add('tag-param-sha512', (content) => tagParams(content, 'sha512'), {
    when: manifests.tagParam && data.sha512,
    tagParams: true,
  });
  add('bad-digest-image', badDigest, { badDigest: true });
  return sets;
}
