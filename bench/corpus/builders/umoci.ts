/** umoci: layers by pgzip, in blocks of 256 KiB, as tars without an end. */
import { join } from 'node:path';
import { type Build, type BuildContext, copyImage, programPath, runStep } from '../context.ts';

/** Inserts files into the image below. @throws Error when a step is no copy */
export async function buildWithUmoci(context: BuildContext, build: Build): Promise<void> {
  const { home, registry } = context;
  const umoci = await programPath('umoci', 'umoci');
  const image = `${join(build.folder, 'layout')}:image`;
  await copyImage(home, `docker://${registry}/${build.base}`, `oci:${image}`);
  for (const step of build.steps) {
    if (step.kind !== 'copy') throw new Error(`umoci cannot ${step.kind}`);
    await runStep(umoci, ['insert', '--image', image, step.source, step.path]);
  }
  const [program = '', ...rest] = build.command;
  const command = rest.flatMap((argument) => ['--config.cmd', argument]);
  await runStep(umoci, [
    ...['config', '--image', image, '--clear', 'config.cmd'],
    ...['--config.entrypoint', program, ...command],
  ]);
  await copyImage(home, `oci:${image}`, `docker://${registry}/${build.name}`);
}
