import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Journal, JournalError, openJournal } from '../../src/analysis/journal.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await makeTemporary('journal');
  path = join(folder, 'journal.ndjson');
});
afterEach(() => removeTemporary(folder));

const readNumber = (value: unknown): number | undefined =>
  typeof value === 'number' ? value : undefined;

async function all<T>(journal: Journal<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const entry of journal.entries()) out.push(entry);
  return out;
}

test('what was appended is read again, in order, also by appends at the same time', async () => {
  const journal = await openJournal(path, readNumber);
  await Promise.all([journal.append(1, 2), journal.append(3), journal.append(4, 5)]);
  await journal.append();
  expect(await all(journal)).toEqual([1, 2, 3, 4, 5]);
  await journal.close();
  const again = await openJournal(path, readNumber);
  expect(await all(again)).toEqual([1, 2, 3, 4, 5]);
  await again.close();
});

test('a file cut anywhere gives the lines that are whole, and goes on behind them', async () => {
  const path = join(folder, 'cut.ndjson');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ maxLength: 20, unit: 'grapheme' }), { minLength: 1, maxLength: 6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (texts, share) => {
        const lines = texts.map((text) => `${JSON.stringify(text)}\n`);
        const bytes = Buffer.from(lines.join(''));
        const length = Math.floor(bytes.length * share);
        await writeFile(path, bytes.subarray(0, length));
        let whole = 0;
        for (let end = 0; whole < lines.length; whole++) {
          end += Buffer.byteLength(lines[whole]!);
          if (end > length) break;
        }
        const journal = await openJournal(path, (value) => String(value));
        await journal.append('next');
        expect(await all(journal)).toEqual([...texts.slice(0, whole), 'next']);
        expect(journal.ignored).toBe(0);
        await journal.close();
        const expected = [...lines.slice(0, whole), '"next"\n'].join('');
        expect(await readFile(path, 'utf8')).toBe(expected);
      },
    ),
    { numRuns: 20 },
  );
});

test('lines that are damaged or not understood are left out and counted', async () => {
  await writeFile(
    path,
    Buffer.concat([Buffer.from('1\n{"a\n"x"\n'), Buffer.alloc(9), Buffer.from('\n2\n')]),
  );
  const journal = await openJournal(path, readNumber);
  expect(await all(journal)).toEqual([1, 2]);
  expect(journal.ignored).toBe(3);
  await journal.close();
});

test('entries are those of when they were asked for', async () => {
  const journal = await openJournal(path, readNumber);
  await journal.append(1, 2);
  const seen: number[] = [];
  for await (const entry of journal.entries()) {
    seen.push(entry);
    if (entry < 10) await journal.append(entry + 10);
  }
  expect(seen).toEqual([1, 2]);
  await journal.close();
});

test('a journal that could not be written takes nothing any more', async () => {
  const journal = await openJournal(path, readNumber);
  await journal.append(1);
  // A descriptor that is closed behind its back fails like a disk that is gone.
  await journal.close();
  await expect(journal.append(2)).rejects.toThrow(JournalError);
  await expect(journal.append(3)).rejects.toThrow(JournalError);
  expect(await readFile(path, 'utf8')).toBe('1\n');
});

test('a folder that is not there is told', async () => {
  await expect(openJournal(join(folder, 'none', 'x'), readNumber)).rejects.toThrow(
    /cannot be opened/,
  );
});

test('long lines over the pieces in which a file is read stay whole', async () => {
  const long = 'x'.repeat(700_000);
  await writeFile(path, `"${long}"\n"short"\n`);
  await appendFile(path, '"torn');
  const journal = await openJournal(path, String);
  expect(await all(journal)).toEqual([long, 'short']);
  await journal.close();
});
