/**
 * Fuzzing by hand:
 *
 *     npm run fuzz -- --target reader|tar|recipe [--minutes N] [--executions N] [--seed N] [--keep FOLDER]
 *     npm run fuzz -- --target reader|tar|recipe --replay FILE
 *
 * Says what was found and keeps the inputs; exits with 1 when something was. The same seed and the
 * same number of executions give the same inputs.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { joinInput, splitInput } from './input.ts';
import { runFuzz } from './run.ts';
import type { FuzzTarget } from './target.ts';
import { TARGETS, type TargetName } from './targets.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    minutes: { type: 'string' },
    executions: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    keep: { type: 'string', default: 'fuzz-findings' },
    replay: { type: 'string' },
  },
});

const module = TARGETS[values.target as TargetName];
if (module === undefined) {
  console.error(`--target has to be one of: ${Object.keys(TARGETS).join(', ')}`);
  process.exit(2);
}

if (values.replay !== undefined) {
  const { target } = (await import(module)) as { readonly target: FuzzTarget };
  const input = splitInput(await readFile(values.replay));
  target.run(input);
  target.replay(input);
  console.log('nothing is wrong with it');
} else {
  const minutes = values.minutes ?? (values.executions === undefined ? '1' : 'Infinity');
  const { findings, result } = await runFuzz({
    module,
    seed: Number(values.seed),
    time: Number(minutes) * 60_000,
    executions: Number(values.executions ?? 'Infinity'),
  });
  const folder = join(values.keep, values.target!);
  for (const { kind, message, input } of findings) {
    const bytes = joinInput(input);
    const name = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), bytes);
    console.log(`${kind} (${join(folder, name)}): ${message}`);
  }
  if (result !== undefined) {
    const { executions, kept, features, seedFeatures } = result;
    console.log(
      `${values.target}, seed ${values.seed}: ${executions} executions, ${kept} inputs kept, ` +
        `${features} features (${seedFeatures} by the seeds), ${findings.length} findings`,
    );
  }
  process.exitCode = findings.length > 0 ? 1 : 0;
}
