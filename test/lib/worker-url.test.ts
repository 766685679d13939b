import { describe, expect, it } from 'vitest';
import { workerUrl } from '../../src/lib/worker-url.ts';

describe('where the body of a worker lies', () => {
  it('beside the module that asks, with the same ending', () => {
    expect(workerUrl('file:///app/src/lib/a.ts', './b').href).toBe('file:///app/src/lib/b.ts');
    expect(workerUrl('file:///app/dist/lib/a.js', './b').href).toBe('file:///app/dist/lib/b.js');
  });
});
