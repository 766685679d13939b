import { describe, expect, it } from 'vitest';
import { explain } from '../../src/cli/errors.ts';
import { formatBytes, formatSpan, printable } from '../../src/lib/format.ts';
import { OciError } from '../../src/oci/errors.ts';
import { cli } from './support.ts';

const COMMANDS = ['status', 'repos', 'tags', 'gc', 'scrub', 'config', 'passwd'];

describe('decisions 9: the command line', () => {
  it('lists its commands, examples and exit codes', async () => {
    const { code, out } = await cli(['--help']);
    expect(code).toBe(0);
    for (const name of ['serve', ...COMMANDS]) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(out).toContain('Examples:');
    expect(out).toContain('Exit codes: 0 success');
  });

  it.each(COMMANDS)('%s has help with examples, by either way', async (name) => {
    const { code, out } = await cli([name, '--help']);
    expect(code).toBe(0);
    expect(out).toContain(`Usage: stowage ${name}`);
    expect(out).toMatch(new RegExp(`Examples:\\n {2}stowage ${name}`));
    expect((await cli(['help', name])).out).toBe(out);
  });

  it.each([
    ['repos', 'list'],
    ['repos', 'delete'],
    ['tags', 'list'],
    ['tags', 'delete'],
    ['tags', 'deleted'],
    ['tags', 'restore'],
    ['config', 'check'],
    ['config', 'show'],
    ['config', 'schema'],
    ['config', 'init'],
  ])('%s %s has help with examples', async (...names) => {
    const { code, out } = await cli([...names, '--help']);
    expect(code).toBe(0);
    expect(out).toContain(`Usage: stowage ${names.join(' ')}`);
    expect(out).toContain('Examples:');
  });

  it.each([
    ['status'],
    ['gc'],
    ['scrub'],
    ['repos', 'list'],
    ['repos', 'delete'],
    ['tags', 'list'],
    ['tags', 'delete'],
    ['tags', 'deleted'],
    ['tags', 'restore'],
    ['config', 'check'],
    ['config', 'show'],
    ['passwd'],
  ])('%s %s has --json', async (...names) => {
    expect((await cli([...names, '--help'])).out).toContain('--json');
  });

  it.each([
    [[], 'Usage: stowage'],
    [['statsu'], 'Did you mean status?'],
    [['status', '--jsno'], 'Did you mean --json?'],
    [['status', 'extra'], 'too many arguments'],
    [['tags', 'delete'], "missing required argument 'reference'"],
  ])('%j is wrong usage: 2', async (args, message) => {
    const { code, out, err } = await cli(args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(message);
  });

  it('prints its version', async () => {
    const { code, out } = await cli(['--version']);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
  });

  it('colours errors at a terminal', async () => {
    const { err } = await cli(['tags', 'delete', 'x'], { colors: true });
    expect(err).toContain('\u001b[31mstowage:\u001b[39m x names no tag');
    expect((await cli(['tags', 'delete', 'x'])).err).not.toContain('\u001b');
  });

  it('tells errors as JSON where JSON was asked for', async () => {
    const { code, out, err } = await cli(['status', '--json', '-s', 'http://127.0.0.1:1']);
    expect([code, out]).toEqual([4, '']);
    const { error } = JSON.parse(err);
    expect(error).toMatchObject({ exitCode: 4, hint: expect.stringContaining('--server') });
  });
});

describe('errors', () => {
  it.each([
    [new OciError('DENIED'), 1],
    [new OciError('MANIFEST_UNKNOWN'), 5],
    [Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' }), 1],
  ])('come with a hint: %s', (error, exitCode) => {
    const explained = explain(error);
    expect(explained.exitCode).toBe(exitCode);
    expect(explained.hint).toBeTruthy();
  });

  it('of the program itself are called so, without a stack', () => {
    expect(explain(new TypeError('x is not a function'))).toEqual({
      message: 'internal error: x is not a function',
      hint: undefined,
      exitCode: 1,
    });
    expect(explain('thrown')).toMatchObject({ message: 'internal error: thrown' });
  });
});

describe('texts', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [10_200, '9.96 KiB'],
    [102_349, '100 KiB'],
    [1_023_600, '0.98 MiB'],
    [1_048_576, '1.00 MiB'],
    [5 * 2 ** 40, '5.00 TiB'],
    [3 * 2 ** 60, '3072 PiB'],
  ])('formats %i bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [0, '0.0 s'],
    [4.24, '4.2 s'],
    [59.6, '1 min'],
    [61, '1 min 1 s'],
    [3600, '1 h'],
    [3661, '1 h 1 min'],
    [86_405, '1 d'],
    [90_061, '1 d 1 h'],
  ])('formats %d seconds as %s', (seconds, text) => {
    expect(formatSpan(seconds)).toBe(text);
  });

  it('decisions 4: escapes control characters', () => {
    expect(printable('a\u001b[2Jb\u0007c\u009bd\u202ee\nf é 漢')).toBe(
      'a\\u{1b}[2Jb\\u{7}c\\u{9b}d\\u{202e}e\nf é 漢',
    );
  });
});
