/** Types of files in the comparison: groups of them, and what is in each group. */
import type { Figures } from '../metrics/schema.ts';
import type { TypeName } from '../types/taxonomy.ts';
import { ZHAO_2019 } from './baseline.ts';
import { groupTitle } from './groups.ts';
import type { Figure, Metric } from './metric.ts';
import { shareOf, type Unit } from './units.ts';

function groupOf(figures: Figures, group: string) {
  return figures.types.find((row) => row.type === '' && row.group.toLowerCase() === group);
}

const GROUPS = [
  'eol',
  'archives',
  'documents',
  'source',
  'scripts',
  'images',
  'databases',
] as const;

/** What the study sums up within a group, and which types that is here. */
interface Member {
  readonly group: (typeof GROUPS)[number];
  readonly name: string;
  readonly label: string;
  readonly types: readonly TypeName[];
}

const MEMBERS: readonly Member[] = [
  {
    group: 'eol',
    name: 'intermediate',
    label: 'byte-code and terminfo',
    types: ['python-bytecode', 'java-class', 'terminfo'],
  },
  {
    group: 'eol',
    name: 'elf',
    label: 'ELF',
    types: ['elf-relocatable', 'elf-executable', 'elf-shared', 'elf-core', 'elf-other'],
  },
  { group: 'source', name: 'c', label: 'C and C++', types: ['c'] },
  { group: 'source', name: 'perl', label: 'Perl modules', types: ['perl-module'] },
  { group: 'source', name: 'ruby', label: 'Ruby modules', types: ['ruby-module'] },
  { group: 'scripts', name: 'python', label: 'Python', types: ['python'] },
  { group: 'scripts', name: 'shell', label: 'shell', types: ['shell'] },
  { group: 'scripts', name: 'ruby', label: 'Ruby', types: ['ruby'] },
  {
    group: 'documents',
    name: 'ascii',
    label: 'plain text',
    // All but the first are plain text to the study, which does not tell them apart.
    types: ['ascii-text', 'json', 'yaml', 'markdown', 'restructured-text', 'csv'],
  },
  { group: 'documents', name: 'markup', label: 'XML and HTML', types: ['xml', 'html'] },
  { group: 'documents', name: 'utf', label: 'UTF text', types: ['utf8-text', 'utf16-text'] },
  { group: 'archives', name: 'zip', label: 'zip and gzip', types: ['zip', 'gzip'] },
  { group: 'databases', name: 'berkeley', label: 'Berkeley DB', types: ['berkeley-db'] },
  { group: 'databases', name: 'mysql', label: 'MySQL', types: ['mysql'] },
  { group: 'databases', name: 'sqlite', label: 'SQLite', types: ['sqlite'] },
  { group: 'images', name: 'png', label: 'PNG', types: ['png'] },
  { group: 'images', name: 'jpeg', label: 'JPEG', types: ['jpeg'] },
];

/** Shares of the files and bytes of the group, as far as the study gives them. */
function memberMetrics({ group, name, label, types }: Member): Metric[] {
  const known: readonly string[] = types;
  const shareIn = (figures: Figures, read: (row: Figures['types'][number]) => number): Figure => {
    const whole = groupOf(figures, group);
    const members = figures.types.filter(
      (row) => row.group.toLowerCase() === group && known.includes(row.type),
    );
    return (
      whole &&
      shareOf(
        members.reduce((sum, row) => sum + read(row), 0),
        read(whole),
      )
    );
  };
  const metric = (key: string, of: string, read: (row: Figures['types'][number]) => number) => ({
    key: `types.${group}.${name}.${key}`,
    section: 'Within groups of file types',
    label: `${groupTitle(group)}: ${label}, of ${of}`,
    unit: 'share' as const,
    over: 'files' as const,
    read: (figures: Figures) => shareIn(figures, read),
    n: (figures: Figures) => groupOf(figures, group)?.files,
  });
  return [
    metric('countOfGroup', 'files', ({ files }) => files),
    metric('bytesOfGroup', 'bytes', ({ bytes }) => bytes),
  ].filter(({ key }) => ZHAO_2019[key] !== undefined);
}

/** Metrics of groups of types, and of types within them. */
export function typeMetrics(): Metric[] {
  const section = 'File types';
  const groups = GROUPS.flatMap((group): Metric[] => {
    const metric = (name: string, label: string, unit: Unit, read: Metric['read']): Metric => ({
      key: `types.${group}.${name}`,
      section,
      label: `${groupTitle(group)}: ${label}`,
      unit,
      over: 'files',
      read,
    });
    const n = (figures: Figures): Figure => groupOf(figures, group)?.files;
    return [
      metric('countShare', 'share of files', 'share', (f) => groupOf(f, group)?.countShare),
      metric('byteShare', 'share of bytes', 'share', (f) => groupOf(f, group)?.byteShare),
      { ...metric('meanSize', 'mean size', 'bytes', (f) => groupOf(f, group)?.meanSize), n },
      {
        ...metric('duplicateBytes', 'copies, of bytes', 'share', (f) => {
          const row = groupOf(f, group);
          return row && shareOf(row.bytes - row.distinctBytes, row.bytes);
        }),
        n,
      },
    ];
  });
  return [...groups, ...MEMBERS.flatMap(memberMetrics)];
}
