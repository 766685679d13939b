/**
 * How the C library keeps memory that was freed.
 *
 * Buffers come from glibc's malloc, which takes large ones from the kernel one by one and gives them
 * back. But with the first large one that is freed, it begins to keep all up to that size for later,
 * 32 MiB at most and in each thread by itself. Sections, groups and streams come in all sizes, so a
 * server that has taken some layers apart held 350 MB of which nothing was in use. Fixed limits end
 * that. And each thread has memory of its own, in which it keeps what it freed from the others: with
 * two of them for all, a server that takes layers apart and restores them peaks at 540 MB instead of 640,
 * for the same CPU time. All that can only be said by the environment, before a process begins.
 */

/** Bytes from which a buffer is taken from the kernel, and free ones that an arena may keep. */
const LARGE = 4 * 1024 * 1024;

/** See mallopt(3). Other C libraries do not look at them. */
const SETTINGS = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: String(LARGE),
  MALLOC_TRIM_THRESHOLD_: String(LARGE),
};

/**
 * Begins this process anew with these settings, unless its environment has settings of this kind.
 * What was done before is lost. Where that cannot be done the process goes on as it is.
 */
export function settleAllocator(): void {
  const { env, platform, execPath, execArgv, argv } = process;
  const isSettled = 'MALLOC_MMAP_THRESHOLD_' in env || 'GLIBC_TUNABLES' in env;
  if (platform !== 'linux' || isSettled) return;
  try {
    process.execve?.(execPath, [execPath, ...execArgv, ...argv.slice(1)], { ...SETTINGS, ...env });
  } catch {
    // It serves all the same, with more memory.
  }
}
