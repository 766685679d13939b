import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './cruise.ts';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
}

/** The packages of a lockfile, by path; the first entry is the project itself. */
function packagesOf(text: string): [string, LockedPackage][] {
  const { packages } = JSON.parse(text) as { packages: Record<string, LockedPackage> };
  return Object.entries(packages).filter(([path]) => path !== '');
}

describe('issue 3: the lockfile', () => {
  it('carries no download addresses, and an integrity hash for every package', async () => {
    const packages = packagesOf(await readFile(join(ROOT, 'package-lock.json'), 'utf8'));
    expect(packages.length).toBeGreaterThan(50);
    for (const [path, { resolved, integrity, version }] of packages) {
      expect(resolved, `${path} resolved`).toBeUndefined();
      expect(integrity, `${path} integrity`).toMatch(/^sha(512|384|256|1)-/);
      expect(version, `${path} version`).toMatch(/^\d/);
    }
  });

  it('is kept that way by the .npmrc of the project', async () => {
    const lines = (await readFile(join(ROOT, '.npmrc'), 'utf8')).split('\n');
    expect(lines).toContain('omit-lockfile-registry-resolved=true');
  });

  it('locks every direct dependency to one version', async () => {
    const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    for (const group of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      for (const [name, version] of Object.entries(manifest[group] as Record<string, string>)) {
        expect(version, `${group} ${name}`).toMatch(
          /^(npm:[a-z-]+@)?\d+\.\d+\.\d+(-[a-z]+\.\d+)?$/,
        );
      }
    }
  });
});
