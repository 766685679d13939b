/** The compressors that layers come from: those of builders, and every other one that can be had. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, gzip, type ZlibOptions } from 'node:zlib';
import { buildGoCompressor } from '../codec/support/go-compressor.ts';
import { run } from '../support/run.ts';
import { requireGo, requireTool, type Tool } from '../support/tools.ts';

const zlib = promisify<Uint8Array, ZlibOptions, Buffer>(gzip);

/** Compresses a tar that is cut where entries begin. */
type Compress = (pieces: readonly Buffer[]) => Promise<Buffer>;

/** A compressor at one setting. */
export interface Setting {
  readonly name: string;
  /** It takes minutes for what others do in a second. */
  readonly isSlow?: boolean;
  readonly compress: Compress;
}

/** The settings of one compressor. */
export interface Compressor {
  readonly name: string;
  /** What it needs. */
  readonly tools: readonly Tool[];
  /** @param folder - of its own, for what it builds */
  settings(folder: string): Promise<readonly Setting[]>;
}

const LEVELS = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** A program that compresses standard input to standard output. */
function pipe(program: string, args: readonly string[]): Compress {
  return (pieces) =>
    new Promise((resolve, reject) => {
      const options = { encoding: 'buffer', maxBuffer: 256 * 1024 * 1024 } as const;
      const child = execFile(program, args, options, (error, stdout) => {
        if (error === null) resolve(stdout);
        else reject(error);
      });
      // A program that ends before it has read all fails by its code.
      child.stdin!.on('error', () => undefined).end(Buffer.concat(pieces));
    });
}

/** A program with different arguments. */
function programs(tool: Tool, variants: readonly (readonly string[])[]): Setting[] {
  return variants.map((args) => ({ name: args.join(' '), compress: pipe(tool.path, args) }));
}

function one(options: ZlibOptions): Compress {
  return (pieces) => zlib(Buffer.concat(pieces), options);
}

/** A gzip member for each piece. */
async function members(pieces: readonly Uint8Array[], options: ZlibOptions): Promise<Buffer> {
  return Buffer.concat(await Promise.all(pieces.map((piece) => zlib(piece, options))));
}

/** What eStargz ends with: an empty member that says in its header where the table is (51 bytes). */
function stargzFooter(table: number): Buffer {
  const said = Buffer.from(`${table.toString(16).padStart(16, '0')}STARGZ`);
  // Ten bytes of a header with an extra field of 26 bytes, of which "SG" takes 22.
  const head = Buffer.from('1f8b08040000000000ff1a0053471600', 'hex');
  const emptyBlock = Buffer.from('010000ffff', 'hex');
  return Buffer.concat([head, said, emptyBlock, Buffer.alloc(8)]);
}

const STRATEGIES = [
  ['filtered', constants.Z_FILTERED],
  ['Huffman only', constants.Z_HUFFMAN_ONLY],
  ['run length', constants.Z_RLE],
  ['fixed', constants.Z_FIXED],
] as const;

const plain: Compressor = {
  name: 'none',
  tools: [],
  async settings() {
    return [
      { name: 'as it is', compress: async (pieces) => Buffer.concat(pieces) },
      {
        name: 'in records of 10 KiB',
        async compress(pieces) {
          const tar = Buffer.concat(pieces);
          return Buffer.concat([tar, Buffer.alloc(10_240 - (tar.length % 10_240))]);
        },
      },
    ];
  },
};

const node: Compressor = {
  name: 'zlib as Chromium has it',
  tools: [],
  async settings() {
    return [
      ...[0, ...LEVELS].map((level) => ({ name: `level ${level}`, compress: one({ level }) })),
      ...STRATEGIES.map(([name, strategy]) => ({ name, compress: one({ strategy }) })),
      { name: 'small window and memory', compress: one({ windowBits: 9, memLevel: 1 }) },
    ];
  },
};

const concatenated: Compressor = {
  name: 'many members, and what may follow them',
  tools: [],
  async settings() {
    return [
      { name: 'one for each file', compress: (pieces) => members(pieces, { level: 6 }) },
      { name: 'one for each file, stored', compress: (pieces) => members(pieces, { level: 0 }) },
      {
        name: 'one for each file and a footer, as eStargz',
        async compress(pieces) {
          const files = await members(pieces, { level: 9 });
          return Buffer.concat([files, stargzFooter(files.length)]);
        },
      },
      {
        name: 'zeros after the end',
        compress: async (pieces) =>
          Buffer.concat([await one({ level: 6 })(pieces), Buffer.alloc(10_240)]),
      },
      {
        name: 'a byte after the end',
        compress: async (pieces) =>
          Buffer.concat([await one({ level: 1 })(pieces), Buffer.from([0x1f])]),
      },
    ];
  },
};

const python = await requireTool('python3', 'python3');
const PYTHON =
  'import sys,gzip;sys.stdout.buffer.write(gzip.compress(sys.stdin.buffer.read(),int(sys.argv[1]),mtime=0))';

const gnu = await requireTool('gzip', 'gzip');
const pigz = await requireTool('pigz', 'pigz');
const libdeflate = await requireTool('libdeflate-gzip', 'libdeflate-tools');
const zopfli = await requireTool('zopfli', 'zopfli');
const sevenZip = await requireTool('7zz', '7zip');
const javac = await requireTool('javac', 'default-jdk-headless');
const java = await requireTool('java', 'default-jdk-headless');
const go = await requireGo();

/** All of them. */
export const COMPRESSORS: readonly Compressor[] = [
  plain,
  node,
  concatenated,
  {
    name: 'zlib as its authors publish it',
    tools: [python],
    settings: async () =>
      [0, ...LEVELS].map((level) => ({
        name: `level ${level}`,
        compress: pipe(python.path, ['-c', PYTHON, `${level}`]),
      })),
  },
  {
    name: 'GNU gzip',
    tools: [gnu],
    settings: async () =>
      programs(gnu, [...LEVELS.map((level) => [`-${level}n`]), ['-6n', '--rsyncable']]),
  },
  {
    name: 'pigz',
    tools: [pigz],
    async settings() {
      const levels = [0, ...LEVELS].map((level) => ['-n', `-${level}`, '-p', '2']);
      const others = [
        ['-6', '-p', '1'],
        ['-6', '-R'],
        ['-6', '-i', '-b', '32'],
        ['-6', '-H'],
        ['-6', '-U'],
      ];
      return [
        ...programs(pigz, [...levels, ...others.map((args) => ['-n', ...args])]),
        ...programs(pigz, [
          ['-n', '-11', '-I', '1'],
          ['-n', '-11', '-I', '1', '-O'],
        ]).map((setting) => ({ ...setting, isSlow: true })),
      ];
    },
  },
  {
    name: 'libdeflate',
    tools: [libdeflate],
    settings: async () =>
      Array.from({ length: 12 }, (_, i) => ({
        name: `level ${i + 1}`,
        isSlow: i >= 9,
        compress: pipe(libdeflate.path, [`-${i + 1}`, '-c']),
      })),
  },
  {
    name: 'zopfli',
    tools: [zopfli],
    settings: async (folder) =>
      ['--i1', '--i5'].map((iterations) => ({
        name: iterations,
        isSlow: true,
        async compress(pieces) {
          const file = join(folder, `layer${iterations}.tar`);
          await writeFile(file, pieces);
          return await pipe(zopfli.path, ['-c', iterations, file])([]);
        },
      })),
  },
  {
    name: '7-Zip',
    tools: [sevenZip],
    settings: async () =>
      [1, 3, 5, 7, 9].map((level) => ({
        name: `-mx=${level}`,
        isSlow: level > 5,
        compress: pipe(sevenZip.path, ['a', '-tgzip', `-mx=${level}`, '-si', '-so', 'layer.gz']),
      })),
  },
  {
    name: 'Java',
    tools: [javac, java],
    async settings(folder) {
      await run(javac.path, ['-d', folder, join(import.meta.dirname, 'java/Compress.java')]);
      return [0, 1, 6, 9].map((level) => ({
        name: `level ${level}`,
        compress: pipe(java.path, [
          '-XX:TieredStopAtLevel=1',
          '-cp',
          folder,
          'Compress',
          `${level}`,
        ]),
      }));
    },
  },
  ...(
    [
      ['gzip', [-2, 0, ...LEVELS]],
      ['gzip-flush', [1, 6]],
      ['klauspost', [-3, -2, 0, ...LEVELS]],
      ['pgzip', [-2, 0, ...LEVELS]],
      ['pgzip-umoci', [5]],
    ] as const
  ).map(
    ([kind, levels]): Compressor => ({
      name: `Go: ${kind}`,
      tools: [go],
      async settings(folder) {
        const program = await buildGoCompressor(go.path, folder);
        return levels.map((level) => ({
          name: `level ${level}`,
          compress: pipe(program, [kind, `${level}`]),
        }));
      },
    }),
  ),
];
