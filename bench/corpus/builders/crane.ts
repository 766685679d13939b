/** crane: layers by compress/gzip of Go, at its fastest level. */
import { join } from 'node:path';
import { requireGoTool } from '../../../test/support/tools.ts';
import { type Build, type BuildContext, runStep } from '../context.ts';

/** Appends a layer for every step. @throws Error when a step is no copy */
export async function buildWithCrane(context: BuildContext, build: Build): Promise<void> {
  const { path: crane, missing } = await requireGoTool('crane');
  if (missing !== undefined) throw new Error(missing);
  const { home, registry } = context;
  const target = `${registry}/${build.name}`;
  const layers: string[] = [];
  for (const [i, step] of build.steps.entries()) {
    if (step.kind !== 'copy') throw new Error(`crane cannot ${step.kind}`);
    const file = join(build.folder, `layer-${i}.tar`);
    const rename = `--transform=s|^${step.source.slice(1)}|${step.path.slice(1)}|`;
    await runStep('tar', [
      ...['-cf', file, '--sort=name', '--owner=root:0', '--group=root:0'],
      ...[rename, '-C', '/', step.source.slice(1)],
    ]);
    layers.push('--new_layer', file);
  }
  const { env } = home;
  await runStep(
    crane,
    ['append', '--base', `${registry}/${build.base}`, ...layers, '--new_tag', target],
    { env },
  );
  await runStep(crane, ['mutate', '--cmd', build.command.join(','), '--tag', target, target], {
    env,
  });
}
