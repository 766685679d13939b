/** Layers of an odd shape. */
import { noise, text } from '../../codec/support/content.ts';
import { file, headerBlock, longName, padded, pax } from '../../codec/tar/support/archive.ts';
import { machineCode } from './contents.ts';
import { debian, END } from './trees.ts';

const octal = (value: number, width: number): string =>
  `${value.toString(8).padStart(width - 1, '0')}\0`;

/** As `umoci insert` writes it: no padding after the last file, and no end. */
export function umoci(size: number): Buffer[] {
  const body = text(size - (size % 512) + 26);
  return [
    file({ path: 'etc/', type: '5' }),
    headerBlock({ path: 'etc/inserted', size: body.length, uid: '0001750\0' }),
    body,
  ];
}

/** Nothing but the end. */
export function empty(): Buffer[] {
  return [END];
}

/** One file that is the whole layer. */
export function oneFile(size: number): Buffer[] {
  return [file({ path: 'app' }, machineCode(size, 5)), END];
}

/** Sparse files, as GNU tar writes them: in the old format, and in 1.0 of pax. */
export function sparse(size: number): Buffer[] {
  const piece = Math.floor(size / 16 / 512) * 512 + 512;
  const body = text(8 * piece, 3);
  const extents = Array.from({ length: 8 }, (_, i) => [i * 10 * piece, piece] as const);
  const map = (pairs: typeof extents): string =>
    pairs.map(([offset, length]) => octal(offset, 12) + octal(length, 12)).join('');
  const real = 80 * piece;
  const old = headerBlock({
    path: 'var/lib/old.img',
    type: 'S',
    magic: 'ustar  \0',
    size: body.length,
    raw: [
      [386, map(extents.slice(0, 4))],
      [482, '\u0001'],
      [483, octal(real, 12)],
    ],
  });
  const more = Buffer.alloc(512);
  more.write(map(extents.slice(4)), 'latin1');
  const numbers = [extents.length, ...extents.flat()].map((number) => `${number}\n`).join('');
  const stored = Buffer.concat([padded(Buffer.from(numbers)), body]);
  return [
    Buffer.concat([old, more, padded(body)]),
    Buffer.concat([
      pax([
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.name', 'var/lib/new.img'],
        ['GNU.sparse.realsize', `${real}`],
      ]),
      file({ path: 'GNUSparseFile.1/new.img' }, stored),
    ]),
    END,
  ];
}

/** Names, owners and times that no ustar header holds, by pax and by GNU. */
export function longNames(size: number): Buffer[] {
  const entries = Math.ceil(size / 6000);
  const path = (i: number): string => `${`folder-${i}/`.repeat(30)}Übergröße-${'x'.repeat(i % 90)}`;
  return [
    pax([['comment', 'for all that follow']], 'g'),
    ...Array.from({ length: entries }, (_, i) => {
      const body = text(2000, (i % 9) + 1);
      if (i % 2 === 0) {
        const records = [
          ['path', path(i)],
          ['mtime', `1700000000.${i}`],
          ['SCHILY.xattr.user.number', noise(40, i + 1)],
        ] as const;
        return Buffer.concat([pax(records), file({ path: 'short' }, body)]);
      }
      const link = longName(`${path(i - 1)}-link`, 'K');
      const fields = { path: 'short', type: '2', link: 'short', magic: 'ustar  \0' } as const;
      return Buffer.concat([longName(path(i)), link, file(fields), file({ path: `${i}` }, body)]);
    }),
    END,
  ];
}

/** Hard links, devices, pipes, and types that nobody knows. */
export function links(size: number): Buffer[] {
  const rounds = Math.ceil(size / 9000);
  return [
    ...Array.from({ length: rounds }, (_, i) => {
      const device = {
        raw: [
          [329, octal(8, 8)],
          [337, octal(i % 256, 8)],
        ],
      } as const;
      return Buffer.concat([
        file({ path: `bin/tool-${i}` }, machineCode(4000, i)),
        file({ path: `bin/alias-${i}`, type: '1', link: `bin/tool-${i}` }),
        file({ path: `dev/null-${i}`, type: '3', ...device }),
        file({ path: `dev/sda${i}`, type: '4', ...device }),
        file({ path: `run/pipe-${i}`, type: '6' }),
        file({ path: `vendor-${i}`, type: 'Q' }, text(300)),
        file({ path: `bin/.wh.gone-${i}` }),
      ]);
    }),
    END,
  ];
}

/** A tar that only stops. */
export function noEnd(size: number): Buffer[] {
  return debian(size).slice(0, -1);
}

/** A tar, its end, and then what is no tar. */
export function garbage(size: number): Buffer[] {
  return [...debian(size / 2), noise(size / 4 + 77, 4), text(size / 4, 6), Buffer.alloc(9999)];
}
