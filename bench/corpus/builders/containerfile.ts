/** The text that buildah and docker build an image from. */
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Build, Step } from '../context.ts';

/** Writes `Containerfile` into the folder of a build. */
export async function writeContainerfile(registry: string, build: Build): Promise<string> {
  const lineOf = (step: Step): string => {
    switch (step.kind) {
      case 'unpack':
        return `ADD ${relative(build.folder, step.file)} /`;
      case 'copy':
        return `COPY ${relative(build.folder, step.source)} ${step.path}`;
      case 'run':
        return `RUN ${step.command}`;
    }
  };
  const lines = [
    `FROM ${build.base === undefined ? 'scratch' : `${registry}/${build.base}`}`,
    ...build.steps.map(lineOf),
    `CMD ${JSON.stringify(build.command)}`,
  ];
  const file = join(build.folder, 'Containerfile');
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}
