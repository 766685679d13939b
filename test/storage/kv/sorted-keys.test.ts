import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSortedKeys } from '../../../src/storage/kv/sorted-keys.ts';

const key = fc.string({
  unit: fc.constantFrom('a', 'b', ' ', '!', '~'),
  minLength: 1,
  maxLength: 4,
});

describe('sorted keys', () => {
  it('a range holds what a search of all keys finds, in order, after any adding and dropping', () => {
    const step = fc.oneof(
      fc.record({ add: key }),
      fc.record({ drop: fc.uniqueArray(key, { maxLength: 5 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), key, key, (steps, from, to) => {
        const sorted = createSortedKeys();
        const model = new Set<string>();
        for (const action of steps) {
          if ('add' in action) {
            sorted.add(action.add);
            model.add(action.add);
          } else {
            const dropped = new Set(action.drop);
            sorted.retain((kept) => !dropped.has(kept));
            for (const gone of dropped) model.delete(gone);
          }
        }
        const expected = [...model].filter((held) => held >= from && held < to).sort();
        expect(sorted.between(from, to)).toEqual(expected);
        expect(sorted.between('', '\x7f')).toEqual([...model].sort());
      }),
    );
  });
});
