import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { cruise, ROOT } from './cruise.ts';

describe('design 2: imports run downwards only', () => {
  it('finds no violation in the real tree, and reads it', async () => {
    const { modules, violations } = await cruise(ROOT);
    expect(violations).toEqual([]);
    expect(modules).toBeGreaterThan(10);
  });

  describe('in a copy of the tree', () => {
    let tree: string;

    beforeAll(async () => {
      tree = await makeTemporary('floors');
      for (const name of ['src', 'package.json', 'tsconfig.json']) {
        await cp(join(ROOT, name), join(tree, name), { recursive: true });
      }
      await symlink(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
    });

    afterAll(() => removeTemporary(tree));

    /** Adds files to the copy and returns what the rules say of them. */
    async function plant(files: Readonly<Record<string, string>>): Promise<string[]> {
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(tree, name)), { recursive: true });
        await writeFile(join(tree, name), text);
      }
      const { violations } = await cruise(tree);
      return violations.filter(({ from }) => from in files).map(({ rule }) => rule);
    }

    it('sees an import of the floor above', async () => {
      const rules = await plant({
        'src/storage/planted.ts': "import { up } from '../registry/planted.ts';\nup();\n",
        'src/registry/planted.ts': 'export function up(): void {}\n',
      });
      expect(rules).toEqual(['no-upward-import-from-storage']);
    });

    it('sees an upward import of a type alone', async () => {
      const rules = await plant({
        'src/oci/planted.ts':
          "import type { Planted } from '../cli/planted.ts';\nexport type Own = Planted;\n",
        'src/cli/planted.ts': 'export interface Planted {}\n',
      });
      expect(rules).toEqual(['no-upward-import-from-oci']);
    });

    it('sees an import of another room of the same floor', async () => {
      const rules = await plant({
        'src/flash/planted.ts': "import { aside } from '../storage/aside.ts';\naside();\n",
        'src/storage/aside.ts': 'export function aside(): void {}\n',
      });
      expect(rules).toEqual(['no-sideways-import-from-flash']);
    });

    it('sees a pure room that reads files', async () => {
      const rules = await plant({
        'src/codec/reader.ts': "import { readFileSync } from 'node:fs';\nreadFileSync('x');\n",
      });
      expect(rules).toEqual(['pure-rooms-do-no-io']);
    });

    it('sees a room that has no floor', async () => {
      const rules = await plant({
        'src/attic/planted.ts':
          "import { parseDigest } from '../oci/digest.ts';\nparseDigest('');\n",
      });
      expect(rules).toContain('known-rooms-only');
    });

    it('sees a development package in the product', async () => {
      const rules = await plant({
        'src/lib/planted.ts': "import { expect } from 'vitest';\nexpect(1);\n",
      });
      expect(rules).toEqual(['no-development-packages']);
    });

    it('sees two files that import each other', async () => {
      const rules = await plant({
        'src/lib/left.ts':
          "import { right } from './right.ts';\nexport const left = (): unknown => right;\n",
        'src/lib/right.ts':
          "import { left } from './left.ts';\nexport const right = (): unknown => left;\n",
      });
      expect(rules).toContain('no-cycles');
    });
  });
});
