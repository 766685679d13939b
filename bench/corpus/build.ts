/** Builds the images of a form, one after the other, into a folder of OCI layouts. */
import { access, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTemporary, removeTemporary } from '../../test/support/temporary.ts';
import { findDebianRegistry, startDistribution } from '../registry/servers/distribution.ts';
import { buildWithBuildah } from './builders/buildah.ts';
import { buildWithCrane } from './builders/crane.ts';
import { buildWithUmoci } from './builders/umoci.ts';
import { FAST_SCRATCH, installCommand, makeDebianTree } from './content/debian.ts';
import { makeNpmTree } from './content/npm.ts';
import { buildProgram } from './content/program.ts';
import {
  type Build,
  type BuildContext,
  type Builder,
  copyImage,
  makeContext,
  programPath,
  type Step,
} from './context.ts';
import { layoutReference, readCorpus } from './layouts.ts';
import type { BuilderName, Recipe } from './recipes.ts';

const BUILDERS: Record<BuilderName, Builder> = {
  buildah: buildWithBuildah,
  umoci: buildWithUmoci,
  crane: buildWithCrane,
};

/** Makes what a recipe adds, below the folder of its build. */
async function makeSteps(
  { name, date, content }: Recipe,
  folder: string,
  context: BuildContext,
): Promise<Pick<Build, 'steps' | 'command'>> {
  const at = (path: string): string => join(folder, path);
  switch (content.kind) {
    case 'debian': {
      const scratch = await access(FAST_SCRATCH).then(
        () => FAST_SCRATCH,
        () => folder,
      );
      await makeDebianTree({ ...content, date, file: at('tree.tar'), scratch });
      return { steps: [{ kind: 'unpack', file: at('tree.tar') }], command: ['bash'] };
    }
    case 'packages':
      return {
        steps: [{ kind: 'run', command: installCommand(content.packages) }],
        command: ['bash'],
      };
    case 'npm': {
      const [repository] = name.split(':');
      const cache = join(context.scratch, 'npm-cache');
      await makeNpmTree({ ...content, date, folder: at('app'), name: repository!, cache });
      const paths = ['package.json', 'package-lock.json', 'node_modules', 'src'];
      const steps = paths.map(
        (path): Step => ({ kind: 'copy', source: at(`app/${path}`), path: `/app/${path}` }),
      );
      return { steps, command: ['node', '/app/src/index.js'] };
    }
    case 'program':
      await buildProgram(content.version, at('tool'));
      return {
        steps: [{ kind: 'copy', source: at('tool'), path: '/usr/local/bin/tool' }],
        command: ['/usr/local/bin/tool'],
      };
  }
}

async function buildImage(context: BuildContext, recipe: Recipe): Promise<void> {
  const folder = join(context.scratch, 'build');
  await mkdir(folder);
  const made = await makeSteps(recipe, folder, context);
  await BUILDERS[recipe.builder](context, {
    name: recipe.name,
    base: recipe.base,
    folder,
    ...made,
  });
  await rm(folder, { recursive: true });
}

/** What is told of an image. */
export type Report = (name: string, seconds: number) => void;

async function buildAll(
  recipes: readonly Recipe[],
  folder: string,
  context: BuildContext,
  report: Report,
): Promise<void> {
  const done = new Set((await readCorpus(folder)).map(({ name }) => name));
  /** Images that the registry has. */
  const pushed = new Set<string>();
  for (const recipe of recipes) {
    const { name, base } = recipe;
    if (done.has(name)) continue;
    const start = performance.now();
    const remote = (image: string): string => `docker://${context.registry}/${image}`;
    if (base !== undefined && !pushed.has(base)) {
      await copyImage(context.home, layoutReference(folder, base), remote(base));
      pushed.add(base);
    }
    await buildImage(context, recipe);
    pushed.add(name);
    // Last, so that what is in a layout is whole.
    await copyImage(context.home, remote(name), layoutReference(folder, name));
    report(name, (performance.now() - start) / 1000);
  }
}

/**
 * Builds what is missing of a list of recipes. Debian's registry stands between builders and
 * layouts, so that every layer is compressed as its builder pushes it.
 * @param folder - made when it does not exist
 * @throws Error with the end of a builder's output; what was built before stays
 */
export async function buildCorpus(
  recipes: readonly Recipe[],
  folder: string,
  report: Report,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await programPath('docker-registry', 'docker-registry');
  const program = await findDebianRegistry();
  if (program === undefined) throw new Error('docker-registry is not on PATH');
  const scratch = await makeTemporary('corpus');
  try {
    const registryFolder = join(scratch, 'registry');
    await mkdir(registryFolder);
    const registry = await startDistribution(program, { folder: registryFolder });
    try {
      const context = await makeContext(scratch, new URL(registry.endpoint.url).host);
      await buildAll(recipes, folder, context, report);
    } finally {
      await registry.stop();
    }
  } finally {
    await removeTemporary(scratch);
  }
}
