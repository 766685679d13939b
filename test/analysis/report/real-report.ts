/** A report of images that are there, from their bytes. */
import { join } from 'node:path';
import type { AnalysisReport } from '../../../src/analysis/metrics/schema.ts';
import { openLocalSources } from '../../../src/analysis/sources/local/open.ts';
import { randomLike, writeLayout } from '../../support/images.ts';
import { run } from '../run/support.ts';
import { GO_ON, imageOfLayers, makeLayer } from '../sources/support.ts';

const text = (line: string, times: number): Buffer => Buffer.from(`${line}\n`.repeat(times));
const elf = (seed: string): Buffer =>
  Buffer.concat([
    Buffer.from('7f454c4602010100', 'hex'),
    Buffer.alloc(8),
    Buffer.from('02003e0001000000', 'hex'),
    randomLike(seed, 20_000),
  ]);

const base = makeLayer([
  { path: 'usr/' },
  { path: 'usr/tool', mode: 0o755, bytes: elf('tool') },
  { path: 'usr/doc.xml', bytes: text('<?xml version="1.0"?><doc>text</doc>', 60) },
  { path: 'usr/readme', bytes: text('What this is, in plain words.', 90) },
  { path: 'usr/empty' },
]);
const scripts = makeLayer([
  { path: 'app/' },
  { path: 'app/run.py', bytes: text('#!/usr/bin/env python3\nprint(1)', 200) },
  { path: 'app/copy.py', bytes: text('#!/usr/bin/env python3\nprint(1)', 200) },
  { path: 'app/tool', mode: 0o755, bytes: elf('tool') },
]);
const changes = makeLayer([
  { path: 'usr/tool', mode: 0o755, bytes: elf('newer tool') },
  { path: 'usr/.wh.readme' },
]);

/** Bytes of the files that are in a layer or in others before: a tool, a script. */
export const COPY_BYTES = 20_024 + 200 * '#!/usr/bin/env python3\nprint(1)\n'.length;

/** Writes three images of three layers into the folder, and analyses them. */
export async function analyzeRealImages(folder: string): Promise<AnalysisReport> {
  const layout = join(folder, 'layout');
  await writeLayout(layout, {
    'team/base:v1': imageOfLayers([base]),
    'team/app:v1': imageOfLayers([base, scripts]),
    'team/app:v2': imageOfLayers([base, scripts, changes]),
  });
  const sources = await openLocalSources([layout], {}, GO_ON);
  try {
    return await run(sources, join(folder, 'dataset'));
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}
