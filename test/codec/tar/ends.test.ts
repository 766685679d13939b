import { describe, expect, it } from 'vitest';
import { file, zeros } from './support/archive.ts';
import { walk } from './support/walk.ts';

describe('ends of archives', () => {
  const one = file({ path: '1' }, 'one');
  const two = file({ path: '2' }, 'two');
  const garbage = Buffer.alloc(700, 'garbage');

  const archivesOf = (...parts: readonly Buffer[]) => {
    const { found, stretches } = walk(Buffer.concat(parts));
    return {
      entries: found.map(({ entry }) => `${entry.archive}:${entry.path}`),
      kinds: stretches.map(([region]) => region),
    };
  };

  it('no end blocks', () => {
    expect(archivesOf(one, two).entries).toEqual(['0:1', '0:2']);
  });

  it('no end blocks and no padding', () => {
    const { found, stretches } = walk(one.subarray(0, 515));
    expect(found[0]!.isComplete).toBe(true);
    expect(stretches).toEqual([
      ['header', 512],
      ['body', 3],
    ]);
  });

  it('one end block', () => {
    expect(archivesOf(one, zeros(1))).toEqual({
      entries: ['0:1'],
      kinds: ['header', 'body', 'padding'],
    });
  });

  it('archives after one another, with any number of blocks of zeros between', () => {
    expect(archivesOf(one, zeros(2), two, zeros(18), one, zeros(1)).entries).toEqual([
      '0:1',
      '1:2',
      '2:1',
    ]);
  });

  it('garbage after the end', () => {
    expect(archivesOf(one, zeros(2), garbage).kinds).toEqual([
      'header',
      'body',
      'padding',
      'opaque',
    ]);
  });

  it('goes on after garbage only where a block calls itself ustar', () => {
    const block = Buffer.alloc(512, 'garbage');
    const v7 = file({ path: 'v7', magic: '' });
    expect(archivesOf(one, block, two).entries).toEqual(['0:1', '1:2']);
    expect(archivesOf(one, block, v7, two).entries).toEqual(['0:1', '1:2']);
  });

  it('padding that is not zeros is padding all the same', () => {
    const dirty = Buffer.concat([one.subarray(0, 515), Buffer.alloc(509, 'x'), two]);
    expect(archivesOf(dirty).kinds).toEqual([
      'header',
      'body',
      'padding',
      'header',
      'body',
      'padding',
    ]);
  });

  it('a body that was cut off', () => {
    const { found } = walk(one.subarray(0, 514));
    expect(found.map(({ body, isComplete }) => [body.toString(), isComplete])).toEqual([
      ['on', false],
    ]);
  });
});
