/**
 * Builds a set of real images by real builders, without a public registry of containers:
 *
 *     node bench/corpus/main.ts [--form short|full] [--folder FOLDER] [--lock]
 *
 * Images that the folder has already are left as they are. See bench/README.md.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { buildCorpus } from './build.ts';
import { corpusFolder, distinctLayers, readCorpus } from './layouts.ts';
import { identityOf, lockedForm, lockPath, makeLock } from './lock.ts';
import { FORMS, RECIPES } from './recipes.ts';

const { values } = parseArgs({
  options: {
    form: { type: 'string', default: 'short' },
    folder: { type: 'string' },
    /** Writes the lock that the project keeps. */
    lock: { type: 'boolean', default: false },
  },
});
const form = FORMS.find((name) => name === values.form);
if (form === undefined) throw new Error(`--form wants ${FORMS.join(' or ')}, not ${values.form}`);
const folder = values.folder ?? corpusFolder(form);
const recipes = RECIPES[form];

await buildCorpus(recipes, folder, (name, seconds) => {
  console.log(`${name}: ${seconds.toFixed(1)} s`);
});
const images = await readCorpus(folder);
const layers = distinctLayers(images);
const bytes = layers.reduce((total, { size }) => total + size, 0);
console.log(
  `${images.length} images, ${layers.length} layers, ${(bytes / 1e6).toFixed(0)} MB: ${identityOf(images)}`,
);
if (values.lock) {
  const lock = await makeLock(form, folder, images, recipes);
  await writeFile(lockPath(form), `${JSON.stringify(lock, undefined, 2)}\n`);
} else {
  const locked = await lockedForm(images);
  console.log(
    locked === undefined ? 'no corpus that has a lock' : `the corpus of ${locked}.lock.json`,
  );
}
