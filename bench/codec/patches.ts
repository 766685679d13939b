/**
 * What storing tokens once for each file saves: `node bench/codec/patches.ts [patches|bases|levels]`.
 * What it measures and how is said in ../README.md.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Column, figure, formatTable } from '../registry/report/table.ts';
import { type Compressor, findCompressors, makePairs, type Pair } from './patches/layers.ts';
import {
  type BaseRow,
  type LevelRow,
  measureBases,
  measureLevels,
  measurePatches,
  type PatchRow,
} from './patches/measure.ts';

const megabytes = (bytes: number): string => figure(bytes / 1e6);
const kilobytes = (bytes: number): string => figure(bytes / 1e3);
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
const times = (ratio: number): string => `${figure(ratio)} x`;

const PATCH_COLUMNS: readonly Column<PatchRow>[] = [
  { title: 'later layer', left: true, value: ({ pair }) => pair },
  { title: 'compressor', left: true, value: ({ compressor }) => compressor },
  { title: 'shared MB', value: ({ sharedPlain }) => megabytes(sharedPlain) },
  { title: 'in gzip MB', value: ({ sharedGzip }) => megabytes(sharedGzip) },
  { title: 'patches KB', value: ({ patches }) => kilobytes(patches) },
  { title: 'gaps KB', value: ({ gaps }) => kilobytes(gaps) },
  { title: 'edits', value: ({ edits }) => String(edits) },
  { title: 'new tokens', value: ({ newTokens }) => percent(newTokens) },
  { title: 'saving', value: ({ saving }) => percent(saving) },
  { title: 'encode', value: ({ encode }) => times(encode) },
  { title: 'apply', value: ({ apply }) => times(apply) },
];

const BASE_COLUMNS: readonly Column<BaseRow>[] = [
  { title: 'compressor', left: true, value: ({ compressor }) => compressor },
  { title: 'files MB', value: ({ plain }) => megabytes(plain) },
  { title: 'in gzip MB', value: ({ gzip }) => megabytes(gzip) },
  { title: 'tokens', value: ({ tokens, gzip }) => percent(tokens / gzip) },
  { title: '+ closed', value: ({ closed, gzip }) => percent(closed / gzip) },
  { title: '+ own context', value: ({ ownContext, gzip }) => percent(ownContext / gzip) },
  { title: '+ shared context', value: ({ sharedContext, gzip }) => percent(sharedContext / gzip) },
  { title: 'write', value: ({ write }) => times(write) },
  { title: 'read tokens', value: ({ read }) => times(read) },
  { title: 'read bytes', value: ({ bytes }) => times(bytes) },
];

const LEVEL_COLUMNS: readonly Column<LevelRow>[] = [
  { title: 'level of zstd', value: ({ level }) => String(level) },
  { title: 'bases', value: ({ bases }) => percent(bases) },
  { title: 'patches', value: ({ patches }) => percent(patches) },
  { title: 'write', value: ({ write }) => times(write) },
  { title: 'read tokens', value: ({ read }) => times(read) },
];

const LEVELS = [1, 3, 5, 7, 9, 12, 15, 19];

const TABLES: Readonly<
  Record<string, (pairs: readonly Pair[], compressors: readonly Compressor[]) => string>
> = {
  patches: (pairs, compressors) =>
    formatTable(
      PATCH_COLUMNS,
      pairs.flatMap(({ name, first, later }) =>
        compressors.map(({ name: compressor, compress }) =>
          measurePatches(name, compressor, compress(first), compress(later)),
        ),
      ),
    ),
  bases: ([pair], compressors) =>
    formatTable(
      BASE_COLUMNS,
      compressors.map(({ name, compress }) => measureBases(name, compress(pair!.first))),
    ),
  levels: (pairs, [compressor]) => {
    const { first, later } = pairs.at(-1)!;
    const { compress } = compressor!;
    return formatTable(LEVEL_COLUMNS, measureLevels(LEVELS, compress(first), compress(later)));
  },
};

async function main(args: readonly string[]): Promise<void> {
  const chosen = args.length > 0 ? args : Object.keys(TABLES);
  const unknown = chosen.find((name) => TABLES[name] === undefined);
  if (unknown !== undefined) throw new Error(`no table ${unknown}: ${Object.keys(TABLES)}`);
  const folder = mkdtempSync(join(tmpdir(), 'stowage-patches-'));
  try {
    const pairs = await makePairs(folder);
    const compressors = findCompressors(folder);
    for (const name of chosen) console.log(`\n${TABLES[name]!(pairs, compressors)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
