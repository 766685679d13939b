import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { compileKernels, KERNEL_MODULE } from '../../../scripts/build-kernels.ts';

describe('the kernels in the repository', () => {
  it('are what their sources compile to', async () => {
    expect(await readFile(KERNEL_MODULE, 'utf8')).toBe(compileKernels());
  });
});
