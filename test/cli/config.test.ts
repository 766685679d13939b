import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { cli } from './support.ts';

let directory: string;

beforeEach(async () => {
  directory = await makeTemporary('cli-config');
});

afterEach(() => removeTemporary(directory));

describe('decisions 9: stowage config check', () => {
  it('says that all is well, and about which file', async () => {
    const none = await cli(['config', 'check'], { directory });
    expect([none.code, none.out]).toEqual([
      0,
      'the configuration is valid (no file: defaults and environment)\n',
    ]);
    await writeFile(join(directory, 'stowage.yaml'), 'gc: {lease: 1h}');
    const some = await cli(['config', 'check', '--json'], { directory });
    expect(JSON.parse(some.out)).toEqual({
      valid: true,
      file: join(directory, 'stowage.yaml'),
      problems: [],
    });
  });

  it('tells everything that is wrong, and ends with 3', async () => {
    await writeFile(join(directory, 'bad.yaml'), 'gc:\n  leese: 1h\nlog: {level: loud}\n');
    const { code, out } = await cli(['config', 'check', '-c', 'bad.yaml'], {
      directory,
      environment: { STOWAGE_SCRUB__PERIOD: 'daily' },
    });
    expect(code).toBe(3);
    const file = join(directory, 'bad.yaml');
    expect(out.split('\n')).toEqual([
      `${file}:2:3: gc.leese: unknown key (did you mean gc.lease?)`,
      expect.stringContaining(`${file}:3:7: log.level: expected one of trace, debug`),
      expect.stringContaining('STOWAGE_SCRUB__PERIOD: scrub.period: expected a duration'),
      '',
    ]);
  });

  it('tells problems as JSON', async () => {
    await writeFile(join(directory, 'bad.yaml'), 'gc:\n  leese: 1h\n');
    const { code, out } = await cli(['config', 'check', '-c', 'bad.yaml', '--json'], { directory });
    expect(code).toBe(3);
    expect(JSON.parse(out)).toMatchObject({
      valid: false,
      problems: [{ key: 'gc.leese', line: 2, column: 3 }],
    });
  });

  it('ends with 3 when the file is missing', async () => {
    const { code, out } = await cli(['config', 'check', '-c', 'none.yaml'], { directory });
    expect([code, out.trim().endsWith('there is no such file')]).toEqual([3, true]);
  });
});

describe('stowage config show', () => {
  it('shows file, environment and defaults together', async () => {
    await writeFile(join(directory, 'stowage.yaml'), 'gc: {lease: 1h}\n');
    const environment = { STOWAGE_LOG__LEVEL: 'debug' };
    const { out } = await cli(['config', 'show'], { directory, environment });
    expect(parse(out)).toMatchObject({
      gc: { lease: '1h', interval: '15m' },
      log: { level: 'debug' },
      data: { dir: join(directory, 'data') },
    });
    const json = await cli(['config', 'show', '--json'], { directory, environment });
    expect(JSON.parse(json.out)).toEqual(parse(out));
    // What is shown is itself a configuration.
    await writeFile(join(directory, 'again.yaml'), out);
    expect((await cli(['config', 'check', '-c', 'again.yaml'], { directory })).code).toBe(0);
  });

  it('ends with 3 when there is nothing valid to show', async () => {
    const environment = { STOWAGE_LOG__LEVEL: 'loud' };
    const { code, out, err } = await cli(['config', 'show', '--json'], { directory, environment });
    expect([code, out]).toEqual([3, '']);
    expect(JSON.parse(err)).toMatchObject({ error: { exitCode: 3 } });
  });
});

describe('stowage config schema and init', () => {
  it('prints the schema', async () => {
    const { out } = await cli(['config', 'schema']);
    expect(JSON.parse(out).properties.http.properties.listen.default).toBe('127.0.0.1:5000');
  });

  it('writes a file that is valid, and keeps one that is there', async () => {
    const first = await cli(['config', 'init'], { directory });
    const file = join(directory, 'stowage.yaml');
    expect([first.code, first.out]).toEqual([0, `wrote ${file}\n`]);
    expect((await cli(['config', 'check'], { directory })).code).toBe(0);
    await writeFile(file, 'gc: {}\n');
    const second = await cli(['config', 'init'], { directory });
    expect([second.code, second.err.includes('--force replaces it')]).toEqual([1, true]);
    expect(await readFile(file, 'utf8')).toBe('gc: {}\n');
    expect((await cli(['config', 'init', '--force'], { directory })).code).toBe(0);
    const printed = await cli(['config', 'init', '-']);
    expect(await readFile(file, 'utf8')).toBe(printed.out);
  });
});
