/** `stowage files` against operations in memory: what is printed, and how pages and failures show. */
import { describe, expect, it } from 'vitest';
import { formatChanges, formatMode } from '../../src/cli/commands/files.ts';
import { runCli } from '../../src/cli/run.ts';
import type { FileSummary } from '../../src/registry/admin/file-operations.ts';
import type { Operations } from '../../src/registry/admin/operations.ts';
import { createFakeOperations, fakeDigest } from '../registry/admin/fake-operations.ts';
import { serveAdmin } from '../registry/admin/serve-admin.ts';
import { type FakeTerminalOptions, fakeTerminal } from './support.ts';

const CONTENTS = { repositories: { 'team/app': ['v1', 'v2'] } };

const file = (path: string, more: Partial<FileSummary> = {}): FileSummary => ({
  path,
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 2048,
  modifiedAt: '2026-01-02T03:04:05.000Z',
  link: '',
  digest: fakeDigest(1),
  layer: fakeDigest(2),
  opaque: false,
  ...more,
});

async function run(
  args: readonly string[],
  files: Partial<Operations['files']> = {},
  options: FakeTerminalOptions & { readonly isOutTTY?: boolean } = {},
) {
  const fake = createFakeOperations(CONTENTS);
  await using server = await serveAdmin({ ...fake, files: { ...fake.files, ...files } });
  const terminal = { ...fakeTerminal(options), isOutTTY: options.isOutTTY ?? false };
  const openDirectory = () => Promise.reject(new Error('not wanted'));
  const code = await runCli(['files', ...args, '--server', server.url], {
    terminal,
    openDirectory,
  });
  return { code, ...terminal.output, bytes: Buffer.concat(terminal.bytes) };
}

describe('issue 4: stowage files ls', () => {
  const items = [
    file('etc', { type: 'directory', mode: 0o755, size: 0, digest: null }),
    file('etc/\x1b[2Jx\n', { mode: 0o4755 }),
    file('lib', { type: 'symlink', link: 'usr/lib', modifiedAt: null, digest: null }),
  ];
  const list = async () => {
    const entry = file('', { type: 'directory' });
    return { manifest: fakeDigest(3), entry, items, next: null };
  };

  it('shows what archives say, and nothing that moves the cursor', async () => {
    const { code, out } = await run(['ls', 'team/app:v1', '/'], { list });
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatch(/^drwxr-xr-x +0:0 +0 B +2026-01-02 03:04:05Z +\/etc$/);
    expect(lines[2]).toMatch(/^-rwsr-xr-x .* \/etc\/\\u\{1b\}\[2Jx\\u\{a\}$/);
    expect(lines[3]).toMatch(/^l.* - +\/lib -> usr\/lib$/);
  });

  it('prints JSON, and reads pages until there are enough entries', async () => {
    const asked: unknown[] = [];
    const { out } = await run(['ls', 'team/app:v1', '/x', '-n', '3', '-R', '--json'], {
      async list(target, request) {
        asked.push([target.path, request?.limit, request?.after, request?.recursive]);
        const item = file(`x/${asked.length}`);
        return { manifest: fakeDigest(3), entry: file('x'), items: [item], next: item.path };
      },
    });
    expect(JSON.parse(out)).toMatchObject({ manifest: fakeDigest(3), next: 'x/3' });
    expect(asked).toEqual([
      ['/x', 3, undefined, true],
      ['/x', 2, 'x/1', true],
      ['/x', 1, 'x/2', true],
    ]);
  });

  it('says that there is more', async () => {
    const { err } = await run(['ls', 'team/app:v1', '-n', '1'], {
      list: async () => ({ ...(await list()), items: [items[0]!], next: 'etc' }),
    });
    expect(err).toBe("There is more: go on with --after 'etc'\n");
  });

  it('refuses what names no image, no number and no layer', async () => {
    expect((await run(['ls', 'team/app'])).code).toBe(2);
    expect((await run(['ls', 'team/app:v1', '-n', '0'])).code).toBe(2);
    expect((await run(['ls', 'team/app:v1', '--layer', 'x'])).code).toBe(2);
    expect((await run(['ls', 'no/such:v1'])).code).toBe(5);
  });
});

describe('issue 4: stowage files cat', () => {
  it('writes bytes as they are, and for a person without control characters', async () => {
    const plain = await run(['cat', 'team/app:v1', 'etc/x']);
    expect([plain.code, plain.bytes.toString(), plain.out]).toEqual([0, 'bytes of etc/x', '']);
    const tty = await run(['cat', 'team/app:v1', 'a\x1b\tb\n'], {}, { isOutTTY: true });
    expect([tty.out, tty.bytes.length]).toEqual(['bytes of a\\u{1b}\tb\n', 0]);
  });

  it('writes a directory only when an archive is asked for', async () => {
    const plain = await run(['cat', 'team/app:v1', '']);
    expect(plain.code).toBe(1);
    expect(plain.err).toContain('--tar writes it as an archive');
    const tar = await run(['cat', 'team/app:v1', '', '--tar']);
    expect([tar.code, tar.bytes.toString()]).toEqual([0, 'bytes of ']);
  });

  it('says so when other bytes come than those of the file', async () => {
    const { code, err } = await run(['cat', 'team/app:v1', 'etc/x'], {
      open: async () => ({
        kind: 'file',
        name: 'x',
        size: 3,
        digest: fakeDigest(9),
        async *bytes() {
          yield Buffer.from('bad');
        },
        close: () => undefined,
      }),
    });
    expect(code).not.toBe(0);
    expect(err).toContain('sent other bytes than those of the file');
  });
});

describe('issue 4: stowage files find and diff', () => {
  it('takes a digest, a name or a pattern', async () => {
    const asked: unknown[] = [];
    const find: Operations['files']['find'] = async ({ digest, name, glob }) => {
      asked.push({ digest, name, glob });
      return { items: [], next: null, timeUp: false };
    };
    for (const what of [fakeDigest(1), 'passwd', '*.pem', 'etc/passwd']) {
      expect((await run(['find', what], { find })).code).toBe(0);
    }
    expect(asked).toEqual([
      { digest: fakeDigest(1) },
      { name: 'passwd' },
      { glob: '*.pem' },
      { glob: 'etc/passwd' },
    ]);
  });

  it('shows where a file was found', async () => {
    const { out } = await run(['find', 'x']);
    expect(out).toMatch(/^team\/app +v1 +sha256:0+1 +5 B +\/etc\/x$/m);
  });

  it('goes on when the time was up', async () => {
    let pages = 0;
    const { out } = await run(['find', 'x', '--json'], {
      async find() {
        pages++;
        return { items: [], next: pages < 4 ? `${pages}` : null, timeUp: pages < 4 };
      },
    });
    expect([pages, JSON.parse(out)]).toEqual([4, { items: [], next: null }]);
  });

  it('shows what differs', async () => {
    const text = formatChanges([
      { path: 'a', kind: 'added', differences: [], from: null, to: file('a') },
      { path: 'b\n', kind: 'removed', differences: [], from: file('b'), to: null },
      {
        path: 'c',
        kind: 'changed',
        differences: ['content', 'mode'],
        from: file('c'),
        to: file('c', { size: 4096 }),
      },
    ]);
    expect(text).toBe(
      '+ /a (2.00 KiB)\n- /b\\u{a} (2.00 KiB)\n~ /c (content, mode: 2.00 KiB -> 4.00 KiB)\n',
    );
    expect((await run(['diff', 'team/app:v1', 'v2', '-n', '1'])).out).toBe('- /etc/x (5 B)\n');
    expect((await run(['diff', 'team/app:v1', 'no tag'])).code).toBe(2);
  });

  it.each([
    ['directory', 0o1777, 'drwxrwxrwt'],
    ['file', 0o2644, '-rw-r-Sr--'],
    ['hardlink', 0o700, 'hrwx------'],
    ['whiteout', 0, 'w---------'],
  ])('writes modes: %s %o', (type, mode, wanted) => {
    expect(formatMode({ type, mode })).toBe(wanted);
  });
});
