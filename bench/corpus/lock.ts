/**
 * The lock of a corpus: the digests of its images, and the Debian packages in them. Packages of
 * Debian go on, so that another day gives another corpus; figures are those of one lock.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parsePackages } from './content/debian.ts';
import { runStep } from './context.ts';
import { blobPath, type CorpusImage } from './layouts.ts';
import { FORMS, type Form, type Recipe } from './recipes.ts';

/** An image in a lock. */
interface LockedImage {
  readonly name: string;
  readonly builder: string;
  readonly manifest: string;
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
  /** `name=version`: of a Debian tree all, of an image upon one those that it changes or adds. */
  readonly packages?: readonly string[];
}

/** The lock of a form. */
export interface Lock {
  readonly form: Form;
  /** SHA-256 over the digests of the manifests, in the order of the images' names. */
  readonly identity: string;
  readonly images: readonly LockedImage[];
}

/** Path of the lock that the project keeps of a form. */
export function lockPath(form: Form): string {
  return join(import.meta.dirname, `${form}.lock.json`);
}

/** What stands for a whole corpus. */
export function identityOf(images: readonly Pick<CorpusImage, 'name' | 'manifest'>[]): string {
  const hash = createHash('sha256');
  for (const { name, manifest } of images) hash.update(`${name} ${manifest.digest}\n`);
  return hash.digest('hex');
}

/** The form whose lock has these images, if there is one. */
export async function lockedForm(images: readonly CorpusImage[]): Promise<Form | undefined> {
  const identity = identityOf(images);
  for (const form of FORMS) {
    const text = await readFile(lockPath(form), 'utf8').catch(() => undefined);
    if (text !== undefined && (JSON.parse(text) as Lock).identity === identity) return form;
  }
  return undefined;
}

/** Installed packages as the uppermost layer with a list of them has it. */
async function packagesOf(folder: string, { repository, layers }: CorpusImage): Promise<string[]> {
  for (const { digest } of layers.toReversed()) {
    const path = blobPath(folder, repository, digest);
    const names = await runStep('tar', ['-tzf', path]).catch(() => '');
    const name = names.split('\n').find((line) => /^(\.\/)?var\/lib\/dpkg\/status$/.test(line));
    if (name !== undefined) return parsePackages(await runStep('tar', ['-xzOf', path, name]));
  }
  return [];
}

/** Makes the lock of a built corpus. */
export async function makeLock(
  form: Form,
  folder: string,
  images: readonly CorpusImage[],
  recipes: readonly Recipe[],
): Promise<Lock> {
  const packages = new Map<string, readonly string[]>();
  const locked: LockedImage[] = [];
  for (const { name, builder, base, content } of recipes) {
    const image = images.find((candidate) => candidate.name === name);
    if (image === undefined) throw new Error(`${name} is missing`);
    const entry = {
      name,
      builder,
      manifest: image.manifest.digest,
      layers: image.layers.map(({ digest, size }) => ({ digest, size })),
    };
    if (content.kind === 'npm' || content.kind === 'program') {
      locked.push(entry);
      continue;
    }
    const all = await packagesOf(folder, image);
    packages.set(name, all);
    const below = new Set(base === undefined ? [] : packages.get(base));
    locked.push({ ...entry, packages: all.filter((line) => !below.has(line)) });
  }
  return { form, identity: identityOf(images), images: locked };
}
