/** Holds the documents to the code, so that neither can change without the other. */
import { access, readdir } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { EXIT } from '../../src/cli/exit-codes.ts';
import { GROUPS, KEYS } from '../../src/registry/config/keys.ts';
import type { AuditAction } from '../../src/registry/observe/audit.ts';
import { createMetrics } from '../../src/registry/observe/metrics.ts';
import { keys } from '../../src/storage/metadata/keys.ts';
import { loadText } from '../registry/config/support.ts';
import { STATUS } from '../registry/observe/figures.ts';
import {
  anchorsOf,
  blocksOf,
  firstCellsOf,
  localLinksOf,
  ROOT,
  readDocument,
  readDocuments,
  spansOf,
} from './documents.ts';

const documents = await readDocuments();
const byPath = new Map(documents.map((document) => [document.path, document]));

/** What the audit log knows; the compiler sees to it that the list is whole. */
const AUDIT_ACTIONS = Object.keys({
  'blob.push': true,
  'blob.mount': true,
  'blob.delete': true,
  'manifest.push': true,
  'manifest.delete': true,
  'tag.delete': true,
  'repository.delete': true,
  restore: true,
  'collection.start': true,
  'scrub.start': true,
  'dedup.undo': true,
  'login.refused': true,
} satisfies Record<AuditAction, true>);

async function isThere(path: string): Promise<boolean> {
  return await access(join(ROOT, path)).then(
    () => true,
    () => false,
  );
}

describe.each(documents)('issue 3: $path', (document) => {
  it('has no dead links', async () => {
    const dead: string[] = [];
    for (const link of localLinksOf(document)) {
      const [file = '', anchor] = link.split('#');
      const path = file === '' ? document.path : normalize(join(dirname(document.path), file));
      const target = byPath.get(path);
      const isDead = anchor ? !(target && anchorsOf(target).has(anchor)) : !(await isThere(path));
      if (isDead) dead.push(link);
    }
    expect(dead).toEqual([]);
  });

  it('names no file of the repository that is not there', async () => {
    const named = spansOf(document).filter((span) =>
      /^(src|test|bench|docs|scripts|container|bin|\.ci)\/[\w./-]*$/.test(span),
    );
    const missing: string[] = [];
    for (const path of named) if (!(await isThere(path))) missing.push(path);
    expect(missing).toEqual([]);
  });

  it('names no command that does not exist', async () => {
    const files = await readdir(join(ROOT, 'src/cli/commands'));
    const commands = ['help', ...files.map((name) => name.replace('.ts', ''))];
    const code = [...blocksOf(document, 'sh'), ...spansOf(document)].join('\n');
    const used = [...code.matchAll(/(?:^|[ /])stowage(?:\.mjs)? ([a-z]+)/gm)];
    const unknown = used
      .filter(([line]) => !/(systemctl|podman|docker|-t|--name) *stowage/.test(line))
      .map(([, command]) => command!)
      .filter((command) => !commands.includes(command));
    expect(unknown).toEqual([]);
  });

  it('names no key of the configuration, and no variable, that does not exist', () => {
    const known = [...KEYS, ...GROUPS].map(({ path }) => path.join('.'));
    const groups = [...new Set(known.map((path) => path.split('.')[0]))].join('|');
    const likeKey = new RegExp(`^((?:${groups})\\.[a-z_]+(?:\\.[a-z_]+)*)(?::.*)?$`);
    const meantOtherwise = (path: string): boolean =>
      AUDIT_ACTIONS.includes(path) || path.endsWith('.ts');
    const unknown = spansOf(document)
      .map((span) => likeKey.exec(span)?.[1])
      .filter((path) => path !== undefined && !known.includes(path) && !meantOtherwise(path));
    const variables = new Set(KEYS.map(({ variable }) => variable));
    const used = document.text.match(/\bSTOWAGE_[A-Z_]+__[A-Z_]+\b/g) ?? [];
    expect([...unknown, ...used.filter((name) => !variables.has(name))]).toEqual([]);
  });
});

describe('decisions 9: docs/configuration.md', async () => {
  const document = await readDocument('docs/configuration.md');

  it('has no line for a key that does not exist', () => {
    const rows = [...document.text.matchAll(/^\| `([a-z_.]+)` \|.*\| `STOWAGE_\w+` \|$/gm)];
    expect(rows.map(([, key]) => key)).toEqual(KEYS.map(({ path }) => path.join('.')));
  });

  it.each(blocksOf(document, 'yaml'))('has an example that is taken: %s', async (text) => {
    await expect(loadText(text)).resolves.toBeDefined();
  });
});

describe('issue 3: docs/operations.md', async () => {
  const document = await readDocument('docs/operations.md');

  it('names every metric, and no other', async () => {
    const metrics = createMetrics({ version: '1', store: () => STATUS });
    const output = await metrics.render();
    const real = [...output.matchAll(/^# TYPE (stowage_\w+) /gm)].map(([, name]) => name!);
    const named = document.text.match(/\bstowage_[a-z_]+\b/g) ?? [];
    expect([...new Set(named)].sort()).toEqual([...new Set(real)].sort());
  });

  it('names every exit code', () => {
    const cells = firstCellsOf(document);
    for (const code of Object.values(EXIT)) expect(cells).toContain(String(code));
  });

  it('names every action of the audit log', () => {
    const spans = spansOf(document);
    expect(AUDIT_ACTIONS.filter((action) => !spans.includes(action))).toEqual([]);
  });

  it('has an example of a configuration that is taken', async () => {
    const [example = ''] = blocksOf(document, 'yaml').filter((text) => text.startsWith('http:'));
    expect((await loadText(example)).config.http.trustedProxies).toEqual(['127.0.0.1']);
  });
});

describe('decisions 7: docs/formats.md', async () => {
  const document = await readDocument('docs/formats.md');

  /** How each key is written in the table. */
  const ROWS: Readonly<Record<keyof typeof keys, readonly string[]>> = {
    repository: [keys.repository('<repository>')],
    tag: [keys.tag('<repository>', '<tag>')],
    tagOf: [keys.tagOf('<repository>', '<digest>', '<tag>')],
    manifest: [keys.manifest('<repository>', '<digest>')],
    link: [keys.link('<repository>', '<digest>')],
    use: [keys.use('<repository>', '<target>', '<manifest>')],
    referrer: [keys.referrer('<repository>', '<subject>', '<manifest>')],
    content: [keys.content('<digest>')],
    inline: [keys.inline('<digest>')],
    owner: [
      keys.owner('<digest>', 'blob', '<repository>'),
      keys.owner('<digest>', 'manifest', '<repository>'),
    ],
    file: [keys.file(0).replace('0000000000', '<file>')],
    deadFile: [keys.deadFile(0).replace('0000000000', '<file>')],
    deletedManifest: [keys.deletedManifest('<repository>', '<digest>')],
    deletedTag: [keys.deletedTag('<repository>', '<tag>')],
    quarantined: [keys.quarantined('<digest>')],
    intactCopy: [keys.intactCopy('<digest>')],
    group: [keys.group(0).replace('0000000000', '<group>')],
    groupAt: [keys.groupAt(0, 0, 0).replace(/ 0+ 0+ 0+$/, ' <segment> <position> <group>')],
    quarantinedGroup: [keys.quarantinedGroup(0).replace('0000000000', '<group>')],
    segment: [keys.segment(0).replace('0000000000', '<segment>')],
    deadSegment: [keys.deadSegment(0).replace('0000000000', '<segment>')],
    scrub: [keys.scrub],
    segmentScrub: [keys.segmentScrub],
    segmentTotals: [keys.segmentTotals],
    segmentCounter: [keys.segmentCounter],
    groupCounter: [keys.groupCounter],
    segmentRebuild: [keys.segmentRebuild],
    part: [keys.part('<hash>')],
    baseParts: [keys.baseParts(0).replace('0000000000', '<group>')],
    baseUses: [keys.baseUses(0).replace('0000000000', '<group>')],
    unusedBase: [keys.unusedBase(0).replace('0000000000', '<group>')],
    recipe: [keys.recipe('<digest>')],
    looseRecipe: [keys.looseRecipe(0).replace('0000000000', '<recipe>')],
    section: [keys.section(0, 0).replace(/ 0+ 0+$/, ' <recipe> <section>')],
    queuedLayer: [keys.queuedLayer('<digest>')],
    refusedLayer: [keys.refusedLayer('<digest>')],
    tree: [keys.tree(0).replace('0000000000', '<recipe>')],
    treePiece: [
      keys.treePiece(0, 0).replace('0000000000', '<recipe>').replace('0000000000', '<piece>'),
    ],
    fileKey: [keys.fileKey('<key>', 0).replace('0000000000', '<group>')],
    recipeCounter: [keys.recipeCounter],
    dedupTotals: [keys.dedupTotals],
    totals: [keys.totals],
    fileCounter: [keys.fileCounter],
    secret: [keys.secret],
  };

  it('has a line for every key of the metadata store, and for no other', () => {
    expect(Object.keys(ROWS).sort()).toEqual(Object.keys(keys).sort());
    const cells = firstCellsOf(document).filter((cell) => /^`[a-z]{1,2} [^`]+`$/.test(cell));
    const rows = cells.map((cell) => cell.slice(1, -1));
    expect(rows.sort()).toEqual(Object.values(ROWS).flat().sort());
  });
});

describe('issue 3: docs/dependencies.md', async () => {
  const document = await readDocument('docs/dependencies.md');
  const { dependencies, devDependencies, optionalDependencies, overrides } = packageJson;

  it('has a word on every dependency, and on no other', () => {
    const cells = firstCellsOf(document).filter((cell) => /^(`[^`]+`(, )?)+$/.test(cell));
    const named = cells.flatMap((cell) => cell.replaceAll('`', '').split(', '));
    const real = { ...dependencies, ...devDependencies, ...optionalDependencies };
    expect(named.sort()).toEqual(Object.keys(real).sort());
  });

  it('says why a version is overridden', () => {
    const spans = spansOf(document);
    for (const [name, version] of Object.entries(overrides)) {
      expect(spans).toContain(name);
      expect(document.text).toContain(version);
    }
  });
});
